"""Models that are made of models: their parts opened, and what of these goes for the whole."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError
from zoo.plugins.composed import entry_of_name, is_composed, written
from zoo.specs import ImageInput, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.opening.models import Model


def composed_name(spec: ModelSpec, parts: "Mapping[str, Model]") -> str:
    """The name in full, with the tags of the parts. What a plugin has put together itself keeps its own name."""
    if not parts or not (is_composed(spec.name) or set(spec.parts) - set(spec.made_of)):
        return spec.name
    return written(entry_of_name(spec.name), {role: part.info.name for role, part in parts.items()})


def carried_input(part: "Model | None") -> ImageInput | None:
    """How images are prepared for a part, and so for the whole. The part normalises them itself."""
    wanted = part.info.input if part is not None else None
    return wanted and wanted.model_copy(update={"mean": None, "std": None})


def refuse_overlap(spec: ModelSpec, options: Mapping[str, Any]) -> None:
    """Raise ModelError where a spec calls a part and an option alike."""
    if both := sorted(set(spec.parts) & set(options)):
        raise ModelError(f"{spec.name} calls a part and an option {both[0]!r}", "its spec is wrong: rename one of them")


def facts_of_parts(parts: "Mapping[str, Model]") -> dict[str, Any]:
    """What a key must know of them."""
    return {
        label: {
            "identity": part.identity,
            "input": part.info.input.model_dump(mode="json") if part.info.input else None,
            "classes": part.info.classes,
            "distribution": part.distribution,
        }
        for label, part in parts.items()
    }


class OwnTensors:
    """The tensors of a composed model that are none of its parts', as something that weights are loaded into."""

    def __init__(self, model: Any, parts: Iterable[Any]) -> None:
        self.model = model
        self.theirs = {tensor.data_ptr() for part in parts for tensor in _state(part).values()}

    def state_dict(self) -> "Mapping[str, Tensor]":
        """By the names that they have in the whole."""
        own = ((name, tensor) for name, tensor in _state(self.model).items() if tensor.numel())
        return OrderedDict((name, tensor) for name, tensor in own if tensor.data_ptr() not in self.theirs)

    def load_state_dict(self, state: "Mapping[str, Tensor]", strict: bool = True) -> None:
        """Raises RuntimeError where a name is missing or unexpected."""
        if self.state_dict().keys() != state.keys():
            raise RuntimeError("names differ")
        self.model.load_state_dict({**_state(self.model), **state}, strict=strict)


def _state(model: Any) -> "Mapping[str, Tensor]":
    state: Mapping[str, Tensor] = model.state_dict() if hasattr(model, "state_dict") else {}
    return state
