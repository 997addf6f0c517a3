"""Parts for a composed model to be tried with: small, smooth, and the same at every call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError
from zoo.opening.models import Model
from zoo.specs import ImageInput, Modality, ModelSpec
from zoo.tasks.base import ModelInfo

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = tuple(f"class {i}" for i in range(10))


class LacksPartError(ModelError):
    """A composed model cannot be tried, for want of a part to try it with."""


def synthetic_parts(spec: ModelSpec) -> dict[str, Model]:
    """A part for each role that the spec leaves open. Raises LacksPartError for a task of which there is none here."""
    return {role: _part(role, task, spec.modality) for role, task in spec.parts.items() if role not in spec.made_of}


def _part(role: str, task: str, modality: Modality) -> Model:
    makers = {"classify": Scores, "embed": Scores, "generate": Untouched}
    if task not in makers or (task == "generate" and modality != "image"):
        raise LacksPartError(f"there is no synthetic {role} that does {task} of {modality}", "test it in the plugin's own tests")
    images = ImageInput(channels=1, size=(8, 8)) if modality == "image" else None
    info = ModelInfo(f"synthetic/{role}", modality, CLASSES if task == "classify" else None, images)
    return Model(info, {"synthetic": task}, makers[task])


class Scores:
    """Ten numbers for each sample, linear in its mean, its spread, and its first element."""

    def __call__(self, inputs: Any) -> "Tensor":
        import torch

        lists = [[float(ord(sign) % 32) for sign in item] if isinstance(item, str) else item for item in inputs]
        rows = [torch.as_tensor(item, dtype=torch.float32).flatten() for item in lists]
        seen = torch.stack([torch.stack([row.mean(), row.std(correction=0), row[0]]) for row in rows])
        slopes = torch.linspace(-2, 2, 30, device=seen.device).sin().view(3, 10)
        return seen @ slopes


class Untouched:
    """Gives back the picture as it is, enlarged where it is to grow."""

    def __call__(self, conditions: Sequence[Any], seeds: Sequence[int]) -> "list[Tensor]":
        from zoo.tasks import restored

        return restored(self.restore, conditions)

    def restore(self, images: "Tensor", *, scale: int, sigma: float) -> "Tensor":
        return images.repeat_interleave(scale, 2).repeat_interleave(scale, 3).clamp(0, 1)
