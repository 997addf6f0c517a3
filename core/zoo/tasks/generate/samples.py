"""generate, unconditional: images drawn from nothing, and their features beside those of real images, to compare them as sets.

Input of a sample: None, or a condition (a class, a prompt). Target: `Reals`, real images as many as are drawn. The features
are those of the task's `aux["features"]`, an embedder, bound before the run and part of its key.
Prediction: an image [1 or 3, h, w] in [0, 1] per sample id; its features are taken of its 8 bits, as those of real images are.
Stored: `features`, `real` and `another` list<float32>, of the drawn image, of the reference and of the other real image;
`image` binary, a PNG, unless the protocol says `store` nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.imaging.degrade import to_uint8
from zoo.imaging.images import prepare_image
from zoo.seeds import seeds_alone
from zoo.specs import Frozen, TaskName
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.classes import some
from zoo.tasks.embed import verify_vectors
from zoo.tasks.generate.restore import Generator, png_bytes, unpacked_image, verify_images

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = np.ndarray[Any, Any]
FEATURES = ("features", "real", "another")
SHOWN = 112
"""Pixels on a side below which a figure is enlarged."""


class Reals(NamedTuple):
    """Two real images [c, h, w], uint8 or float in [0, 1], no image of the dataset twice.

    Drawn images are compared to all `image`; all `another` compared to them are the floor that no generator need go below.
    """

    image: "Tensor"
    another: "Tensor"


class SampleSettings(Frozen):
    """What a protocol of this kind says."""

    store: Annotated[
        Literal["uint8", "nothing"], Field(description="uint8: drawn images beside their features; nothing: features alone.")
    ] = "uint8"


class Drawn(NamedTuple):
    """What is predicted of a batch: images uint8 [c, h, w], and float32 [b, d] each of `FEATURES`."""

    images: "list[Tensor]"
    features: "Tensor"
    real: "Tensor"
    another: "Tensor"


class Sampling(Task):
    """Runs a `Generator` that draws images, and takes the features of what it draws."""

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    shard_size: ClassVar[int] = 128
    settings: ClassVar[type[SampleSettings]] = SampleSettings
    roles: ClassVar[Mapping[str, TaskName]] = {"features": "embed"}

    def setup(self) -> None:
        self.space = self.aux["features"]
        self.width: int | None = None
        if self.space.modality not in (None, "image"):
            raise ModelError(f"{self.space.name} takes {self.space.modality}, but the features of images are wanted")

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("frechet-distance", "sample-precision:k=3", "sample-recall:k=3")

    def prepare(self, sample: Sample) -> Sample:
        if not isinstance(sample.target, Reals):
            raise ValueError(f"its target is {type(sample.target).__name__}, not two real images (zoo.tasks.Reals)")
        real, another = (prepare_image(image, self.space.input) for image in sample.target)
        return Sample(sample.id, {"condition": sample.input, "real": real, "another": another}, None)

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        inputs: dict[str, Any] = {"condition": [sample.input["condition"] for sample in samples]}
        for name in ("real", "another"):
            inputs[name] = uniform([sample.input[name] for sample in samples], [sample.id for sample in samples], self.space.name)
        return inputs

    def predict(self, model: Generator, batch: Batch) -> Drawn:
        """Images as 8 bits, and all features, on the CPU."""
        with seeds_alone(self.model.name):
            made = model(batch.inputs["condition"], batch.seeds)
        images = [to_uint8(image) for image in verify_images(made, batch.ids, [None] * len(batch), self.model.name)]
        real = batch.inputs["real"]
        prepared = uniform([prepare_image(image, self.space.input) for image in images], batch.ids, self.space.name)
        found = [self._features(images, batch.ids) for images in (prepared.to(real.device), real, batch.inputs["another"])]
        return Drawn(images, *found)

    def _features(self, images: "Tensor", ids: Sequence[str]) -> "Tensor":
        vectors = verify_vectors(self.aux_models["features"](images), ids, self.width, self.space.name)
        self.width = vectors.shape[1]
        return vectors.cpu()

    @property
    def schema(self) -> pa.Schema:
        image = [("image", pa.binary())] if self.how.store == "uint8" else []
        return pa.schema([*((name, FLOATS) for name in FEATURES), *image])

    def encode(self, predictions: Drawn, batch: Batch) -> dict[str, pa.Array]:
        columns = {name: to_lists(getattr(predictions, name)) for name in FEATURES}
        if self.how.store == "uint8":
            columns["image"] = pa.array([png_bytes(image.numpy()) for image in predictions.images], pa.binary())
        return columns

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """`features`, `real` and `another` float32 [n, d]; `space` str [n], the embedder's name; `image` uint8, if stored."""
        n = table.num_rows
        columns: dict[str, Array] = {name: from_lists(table[name]) for name in FEATURES}
        columns["space"] = np.full(n, self.space.name)
        if self.how.store == "uint8":
            columns["image"] = np.empty(n, dtype=object)
            columns["image"][:] = [unpacked_image(packed) for packed in table["image"].to_pylist()]
        return columns

    def draw(self, sample: Sample, columns: Mapping[str, Array]) -> "Image":
        """The drawn image, a small one enlarged."""
        import torch
        from PIL import Image as Pictures

        from zoo.tasks.drawing import to_picture

        if "image" not in columns:
            raise ValueError("the drawn images are not stored; ask for them by `protocol.store=uint8`")
        picture = to_picture(torch.from_numpy(columns["image"][0].copy()).float() / 255)
        factor = max(1, SHOWN // min(picture.size))
        return picture.resize((factor * picture.width, factor * picture.height), Pictures.Resampling.NEAREST)


def uniform(images: "Sequence[Tensor]", ids: Sequence[str], network: str) -> "Tensor":
    """Images prepared for a network, as one tensor. Raises PredictionError where they are of several sizes."""
    import torch

    if len({tuple(image.shape) for image in images}) > 1:
        hint = f"take instead of {network} one that declares the size of its input"
        raise PredictionError(f"images of several sizes cannot go through {network}: {some(ids)}", hint, ids)
    return torch.stack(list(images))
