"""generate: an image, from nothing or from a condition; or the likelihood of what is given, an image or a text.

A benchmark is of one of five kinds, each a class: where its data are texts, `text.TextLikelihood`; where its protocol says
`pixels`, `likelihood.ImageLikelihood`; where it has an aux model `features`, samples that are compared as a set,
`samples.Sampling`, and with a `judge` beside it `judged.JudgedSampling`; else `Generate`, of which this file is.

Input of a sample: the condition (a class, a prompt, None where there is none), or, where the protocol names a degradation,
the clean picture, which the task spoils: the condition is then a `Degraded`, and restoring it is the task.
Target: the reference image where there is one, float in [0, 1] or uint8, [c, h, w]; read again by id, never stored.
Prediction: an image float [c, h, w] in [0, 1], grey or RGB.
Stored: `image` binary: a PNG of 8 bits, or under `store` float32 the array in NumPy's `.npy` format.
Protocol: `GenerateSettings`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, Field

from zoo.data.dataset import Sample
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.imaging.degrade import Degradation, Degraded, to_uint8
from zoo.imaging.images import prepare_image
from zoo.lazy import load_target
from zoo.specs import Frozen, ImageInput, Modality
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = np.ndarray[Any, Any]

OVERSHOOT = 1e-3
"""How far outside [0, 1] a pixel may lie and pass for rounding; a model clips what it returns itself."""


def _checked_degradation(text: str | None) -> str | None:
    if text is not None:
        Degradation.parse(text)
    return text


class GenerateSettings(Frozen):
    """What a protocol of this task says: how clean pictures are spoilt, and how images are stored."""

    degrade: Annotated[
        str | None,
        AfterValidator(_checked_degradation),
        Field(description="noise:SIGMA in grey levels of 255, or bicubic:SCALE; None: the condition is the sample's input."),
    ] = None
    grey: Annotated[bool, Field(description="Make clean pictures grey before they are spoilt.")] = False
    store: Annotated[
        Literal["uint8", "float32"], Field(description="uint8: a picture as anybody would save it; float32: unrounded.")
    ] = "uint8"


class Generator(Protocol):
    """What a model of this task does; an `nn.Module` in `eval` mode satisfies it.

    One that draws a class that it is asked for by name has an attribute `classes`, the names that it knows.
    """

    def __call__(self, conditions: Sequence[Any], seeds: Sequence[int], /) -> "Sequence[Tensor]":
        """One image [c, h, w] in [0, 1] per condition; all randomness of sample i comes from seeds[i].

        Of a `Degraded` condition it is the restored picture, of the same channels, `scale` times as high and wide.
        """


def restored(restore: "Callable[..., Tensor]", conditions: Sequence[Degraded]) -> "list[Tensor]":
    """Every picture restored, those of one size, scale and noise in one call.

    `restore(images, scale=..., sigma=...)` takes float32 [b, c, h, w] and returns [b, c, scale·h, scale·w]. A network that
    takes and returns batches of images becomes a model of this task by
    `lambda conditions, seeds: restored(lambda images, **_: network(images).clamp(0, 1), conditions)`.
    """
    import torch

    groups: dict[Any, list[int]] = {}
    for place, (image, scale, sigma) in enumerate(conditions):
        groups.setdefault((tuple(image.shape), scale, sigma), []).append(place)
    found: dict[int, Tensor] = {}
    for (_, scale, sigma), places in groups.items():
        images = torch.stack([conditions[place].image for place in places])
        found.update(zip(places, restore(images, scale=scale, sigma=sigma), strict=True))
    return [found[place] for place in range(len(conditions))]


class Generate(Task):
    """Runs a generator; where the protocol names a degradation, on pictures that the task has spoilt."""

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    shard_size: ClassVar[int] = 16
    settings: ClassVar[type[GenerateSettings]] = GenerateSettings

    def setup(self) -> None:
        if self.data.modality != "image":
            raise ModelError(
                f"{self.data.name} is {self.data.modality}; images are generated, and the likelihood of texts is measured"
            )
        self.degradation = None if self.how.degrade is None else Degradation.parse(self.how.degrade)
        if self.degradation and self.model.input is not None:
            raise ModelError(
                f"{self.model.name} declares how its images are resized or converted, but it restores the picture as it is",
                "give it no input; let it convert what it is given itself",
            )
        self.picture = ImageInput(channels=1 if self.how.grey else None)

    @classmethod
    def suited(cls, modality: Modality, protocol: Mapping[str, Any], aux: Collection[str]) -> type[Task]:
        kinds = (
            (modality == "text", "zoo.tasks.generate.text:TextLikelihood"),
            ("pixels" in protocol, "zoo.tasks.generate.likelihood:ImageLikelihood"),
            ("judge" in aux, "zoo.tasks.generate.judged:JudgedSampling"),
            ("features" in aux, "zoo.tasks.generate.samples:Sampling"),
        )
        return next((load_target(target) for fits, target in kinds if fits), cls)

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        raise OptionError(
            f"{data.name} does not say what is to be generated, or how its pictures are spoilt before they are restored",
            "name a benchmark (zoo list benchmarks --task generate), or images:noise25:PATH, images:x3:PATH",
        )

    def prepare(self, sample: Sample) -> Sample:
        if self.degradation is None:
            return sample
        return Sample(sample.id, self.degradation(prepare_image(sample.input, self.picture), sample.id).image, sample.target)

    def collate(self, samples: Sequence[Sample]) -> Any:
        return [sample.input for sample in samples]

    def predict(self, model: Generator, batch: Batch) -> "list[Tensor]":
        """An image float32 [c, h, w] in [0, 1] for every sample, on the CPU."""
        if self.degradation is None:
            return verify_images(model(batch.inputs, batch.seeds), batch.ids, [None] * len(batch), self.model.name)
        scale, sigma = self.degradation.scale, self.degradation.sigma
        conditions = [Degraded(image, scale, sigma) for image in batch.inputs]
        shapes = [(c, scale * h, scale * w) for c, h, w in (image.shape for image in batch.inputs)]
        return verify_images(model(conditions, batch.seeds), batch.ids, shapes, self.model.name)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("image", pa.binary())])

    def encode(self, predictions: "Sequence[Tensor]", batch: Batch) -> dict[str, pa.Array]:
        packed = [
            png_bytes(to_uint8(image).numpy()) if self.how.store == "uint8" else _npy(image.numpy()) for image in predictions
        ]
        return {"image": pa.array(packed, pa.binary())}

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """`image`: object [n], each a [c, h, w], uint8 or float32 in [0, 1]."""
        images = np.empty(table.num_rows, dtype=object)
        for row, packed in enumerate(table["image"].to_pylist()):
            images[row] = unpacked_image(packed)
        return {"image": images}

    def draw(self, sample: Sample, columns: Mapping[str, Array]) -> "Image":
        """Side by side: the condition, where it is a picture, the prediction, and the target, where there is one."""
        import torch
        from PIL import Image as Pictures

        from zoo.tasks.drawing import to_picture

        own = columns["image"][0]
        parts = [torch.from_numpy(own) if own.dtype != np.uint8 else torch.from_numpy(own).float() / 255]
        if self.degradation is not None:
            parts = [self.prepare(sample).input, *parts, prepare_image(sample.target, self.picture)]
        height, width = own.shape[1:]
        pictures = [to_picture(part).resize((width, height), Pictures.Resampling.NEAREST) for part in parts[:2]]
        pictures += [to_picture(part[:, :height, :width]) for part in parts[2:]]
        drawn = Pictures.new("RGB", (len(pictures) * width, height))
        for place, picture in enumerate(pictures):
            drawn.paste(picture, (place * width, 0))
        return drawn


def verify_images(images: Any, ids: Sequence[str], shapes: "Sequence[tuple[int, ...] | None]", model: str) -> "list[Tensor]":
    """The images as float32 on the CPU, clipped to [0, 1] from at most `OVERSHOOT` outside of it.

    Raises PredictionError naming the samples where one is no floating-point tensor [1 or 3, h, w], not of the shape that is
    expected of it, not finite, or out of range.
    """
    if len(images) != len(ids):
        raise PredictionError(f"{model} returned {len(images)} images for {len(ids)} samples", f"the first is {ids[0]}", ids)
    kept = []
    for image, sample, shape in zip(images, ids, shapes, strict=True):
        _check_shape(image, sample, shape, model)
        kept.append(image.detach().float().cpu())
    _check_all(kept, ids, lambda image: bool(image.isfinite().all()), f"{model} returned NaN or infinite pixels", "")
    _check_all(
        kept,
        ids,
        lambda image: float(image.min()) >= -OVERSHOOT and float(image.max()) <= 1 + OVERSHOOT,
        f"{model} returned pixels outside [0, 1]",
        "let it clip what it returns, as in .clamp(0, 1), and see that it returns [0, 1] and not [0, 255] or [-1, 1]",
    )
    return [image.clamp(0, 1) for image in kept]


def _check_shape(image: Any, sample: str, shape: "tuple[int, ...] | None", model: str) -> None:
    import torch

    if not isinstance(image, torch.Tensor) or not image.is_floating_point():
        kind = str(image.dtype) if isinstance(image, torch.Tensor) else type(image).__name__
        raise PredictionError(f"{model} returned {kind} for {sample}", "expected a floating-point tensor [c, h, w]", [sample])
    found = tuple(image.shape)
    fits = found == shape if shape else len(found) == 3 and found[0] in (1, 3) and 0 not in found
    if not fits:
        expected = list(shape) if shape else "[1 or 3, h, w]"
        raise PredictionError(f"{model} returned an image {list(found)} for {sample}", f"expected {expected}", [sample])


def _check_all(images: "Sequence[Tensor]", ids: Sequence[str], good: "Callable[[Tensor], bool]", what: str, hint: str) -> None:
    bad = [sample for image, sample in zip(images, ids, strict=True) if not good(image)]
    if bad:
        raise PredictionError(f"{what} for {len(bad)} samples: {some(bad)}", hint, bad)


def png_bytes(image: Array) -> bytes:
    """uint8 [1 or 3, h, w] as PNG."""
    from PIL import Image as Pictures

    buffer = BytesIO()
    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    Pictures.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _npy(image: Array) -> bytes:
    buffer = BytesIO()
    np.save(buffer, image, allow_pickle=False)
    return buffer.getvalue()


def unpacked_image(packed: bytes) -> Array:
    """What `png_bytes` or `_npy` has packed."""
    from PIL import Image as Pictures

    if packed.startswith(b"\x93NUMPY"):
        return np.asarray(np.load(BytesIO(packed), allow_pickle=False))
    with Pictures.open(BytesIO(packed), formats=["PNG"]) as picture:
        pixels = np.array(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
