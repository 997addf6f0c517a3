"""Sampling: what a generator makes outside of any benchmark, pictures at once or texts as they are written."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.devices import on_device, pick_device
from zoo.errors import ModelError, OptionError, did_you_mean
from zoo.home import writing
from zoo.imaging.degrade import to_uint8
from zoo.opening.composing import named_model
from zoo.opening.models import options_class
from zoo.opening.weights_choice import Choice
from zoo.plugins.blame import in_plugin
from zoo.seeds import sample_seed, seeds_alone
from zoo.specs import ModelSpec
from zoo.tasks.generate.restore import verify_images

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

PICTURES, TEXTS = 16, 1
"""How many are made where nobody says."""
BATCH = 16
SHOWN = 56
"""Pixels on a side below which a picture is enlarged in a grid."""


@dataclass(frozen=True)
class Pictures:
    """Images uint8 [1 or 3, h, w] of a model, each of which follows from its seed."""

    model: str
    images: "list[Tensor]"
    seeds: list[int]

    def grid(self) -> "Image":
        """All of them side by side, in rows that make about a square."""
        import torch
        from torchvision.utils import make_grid

        from zoo.tasks.drawing import to_picture

        factor = max(1, SHOWN // min(self.images[0].shape[1:]))
        large = [image.repeat_interleave(factor, 1).repeat_interleave(factor, 2) for image in self.images]
        return to_picture(make_grid(torch.stack(large).float() / 255, nrow=math.ceil(len(large) ** 0.5), pad_value=0.5))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the grid, in the format that the name ends in. Raises OptionError where there is no such format."""
        from PIL import Image

        target = Path(path)
        kind = Image.registered_extensions().get(target.suffix.lower())
        if kind not in Image.SAVE:
            raise OptionError(f"cannot write pictures to {target}", "name a file that ends in .png")
        with writing(target) as temporary:
            self.grid().save(temporary, format=kind)
        return target


@dataclass(frozen=True)
class Texts:
    """Texts of a model, each an iterator of pieces that are drawn when they are asked for, and the seeds they follow from."""

    model: str
    texts: list[Iterator[str]]
    seeds: list[int]


@in_plugin()
def sample(
    model: str,
    *,
    n: int | None = None,
    prompt: str | None = None,
    class_name: str | None = None,
    length: int = 200,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
) -> Pictures | Texts:
    """Let a generator by name make `n` samples: 16 pictures, or one text of `length` tokens, unless it is said otherwise.

    `class_name` is the class of a conditional model's pictures, `prompt` what a text goes on from, or what a pipeline for text is
    to draw. The first samples of a seed are the same however many are asked for.

    Raises ModelError where the model makes none, OptionError for a prompt or class that it does not take.
    """
    from zoo.plugins.registry import registry

    spec, tag = registry().tagged_model(model)
    count = n if n is not None else TEXTS if spec.modality == "text" else PICTURES
    for name, value in (("n", count), ("length", length)):
        if value < 1:
            raise OptionError(f"{name} must be at least 1, not {value}")
    chosen = dict(options or {})
    if prompt is not None and spec.modality != "text":
        chosen["prompt"] = _taken(spec, prompt)
    choice = Choice(tag, file=Path(weights) if weights else None, data_dir=data_dir)
    found = named_model(spec, "generate", choice, chosen)
    loaded = on_device(found.load(), pick_device(found.info.device or device))
    asked = _class(loaded, found.info.name, class_name)
    seeds = [sample_seed(seed, f"sample-{number}") for number in range(count)]
    if spec.modality == "text":
        if not callable(getattr(loaded, "write", None)):
            raise ModelError(f"{found.info.name} writes nothing", "a model that does has write(prompt, seed, length)")
        texts = [_pieces(loaded.write(prompt or "", own, length)) for own in seeds]
        return Texts(found.info.name, texts, seeds)
    return Pictures(found.info.name, _drawn(loaded, found.info.name, asked, seeds), seeds)


def _drawn(model: Any, name: str, asked: str | None, seeds: list[int]) -> "list[Tensor]":
    """Images a batch at a time, verified."""
    import torch

    images: list[Tensor] = []
    for start in range(0, len(seeds), BATCH):
        own = seeds[start : start + BATCH]
        ids = [f"sample-{start + place}" for place in range(len(own))]
        try:
            with torch.inference_mode(), seeds_alone(name):
                made = model([asked] * len(own), own)
        except (TypeError, AttributeError) as error:  # of what restores a picture, and is given none
            hint = "one that restores pictures is run on a benchmark: zoo list benchmarks --task generate"
            raise ModelError(f"{name} draws nothing from nothing: {error}", hint) from error
        images += [to_uint8(image) for image in verify_images(made, ids, [None] * len(own), name)]
    return images


def _pieces(text: Iterator[str]) -> Iterator[str]:
    """The pieces, each drawn without gradients; between two of them whoever asks is left as they were."""
    import torch

    while True:
        with torch.inference_mode():
            piece = next(text, None)
        if piece is None:
            return
        yield piece


def _taken(spec: ModelSpec, prompt: str) -> str:
    """The prompt, if the model has an option of that name."""
    declared = options_class(spec)
    if declared is None or "prompt" not in declared.model_fields:
        raise OptionError(f"{spec.name} takes no prompt", "leave `prompt` out, or take a pipeline that draws what a text says")
    return prompt


def _class(model: Any, who: str, asked: str | None) -> str | None:
    """The class, if the model draws it; else what it draws is said."""
    known = list(getattr(model, "classes", ()))
    if asked is None or asked in known:
        return asked
    if not known:
        raise OptionError(f"{who} cannot be asked for a class", "leave `class_name` out")
    hint = did_you_mean(asked, known, f"its classes are: {', '.join(known)}")
    raise OptionError(f"{who} draws no {asked!r}", hint)
