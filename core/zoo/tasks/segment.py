"""segment: a class for every pixel, or a soft map of binary structure such as edges.

Target: a label map uint8 [h, w], 255 (`IGNORE`) where the annotator left a pixel out; for edges, the boundary maps of all
annotators, bool [a, h, w].
Prediction: logits [outputs, h', w'], of which the class of every pixel is taken; for edges a map [1, h', w']. Outputs for classes
that the dataset lacks compete, too, unless the protocol says `outputs` dataset; a pixel of theirs has the label C, one more than
the dataset's last.
Stored: `map` binary, a PNG of 8 bits: the label map, or the soft map in 256 steps, at the target's own resolution. The
target itself is read again by id.
Protocol: `kind` is `labels` (the default) or `edges`.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import Field

from zoo.data.dataset import Sample
from zoo.errors import ModelError, OptionError
from zoo.imaging.images import prepare_image, stack
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Task
from zoo.tasks.checks import check_floats, refuse_where
from zoo.tasks.classes import Outputs, OutputSettings, scored_outputs, some
from zoo.tasks.comparing import share_apart
from zoo.tasks.drawing import to_picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = np.ndarray[Any, Any]

IGNORE = 255
"""The label of a pixel that counts for nothing, in every label map; so a dataset has at most 255 classes."""


class Segmenter(Protocol):
    """What a model of this task does; an `nn.Module` in `eval` mode satisfies it."""

    def __call__(self, images: "Tensor", /) -> "Tensor":
        """Logits [b, classes of the model, h', w'] for images float32 [b, c, h, w] in [0, 1], all of one size.

        Under the protocol `edges` [b, 1, h', w'] in [0, 1], the larger the surer of an edge. h' and w' are the model's
        own; the core resizes to the target's resolution before it takes the largest.
        """


class SegmentSettings(OutputSettings):
    """What a protocol of this task says."""

    kind: Annotated[str, Field(description="labels: a class for every pixel; edges: a map of boundaries.")] = "labels"


class Segment(Task):
    """Runs a segmenter, or an edge detector, and stores its maps at the resolution of the labels."""

    name: ClassVar[str] = "segment"
    version: ClassVar[int] = 2
    stacks: ClassVar[bool] = True
    settings: ClassVar[type[SegmentSettings]] = SegmentSettings
    shard_size: ClassVar[int] = 32

    def setup(self) -> None:
        self.kind: str = self.how.kind
        if self.kind not in ("labels", "edges"):
            raise OptionError(f"segmentation has no kind {self.kind!r}", "the protocol's kind is labels or edges")
        _check_input(self.model)
        self.outputs = _outputs(self.model, self.data, self.how.outputs) if self.kind == "labels" else Outputs(1, 1)
        if self.kind == "edges" and isinstance(self.model.classes, tuple):
            raise ModelError(
                f"{self.model.name} tells classes apart ({some(self.model.classes)}); {self.data.name} asks for a map of edges",
                "zoo list models --task segment",
            )

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("miou", "pixel-accuracy", "dice", "iou")

    def prepare(self, sample: Sample) -> Sample:
        target = np.asarray(sample.target)
        if target.ndim != (2 if self.kind == "labels" else 3) or 0 in target.shape:
            expected = "a label map [h, w]" if self.kind == "labels" else "boundary maps [annotators, h, w]"
            raise ValueError(f"its target must be {expected}, not {list(target.shape)}")
        if self.kind == "labels":
            check_labels(target, len(self.data.classes or ()))
        return Sample(sample.id, prepare_image(sample.input, self.model.input), target)

    def collate(self, samples: Sequence[Sample]) -> Any:
        return stack([sample.input for sample in samples])

    def predict(self, model: Segmenter, batch: Batch) -> "list[Tensor]":
        """A map for every sample, uint8 [h, w], on the CPU."""
        found: dict[int, Tensor] = {}
        for places in _of_one_size(batch.inputs):
            ids = [batch.ids[i] for i in places]
            images = batch.inputs if len(places) == len(batch) else _stacked(batch.inputs, places)
            maps = verify_maps(model(images), ids, self.outputs.count, self.model.name, soft=self.kind == "edges")
            for i, own in zip(places, maps, strict=True):
                # One at a time: the logits of many classes at full resolution are large.
                found[i] = self._reduced(own, tuple(np.shape(batch.targets[i])[-2:])).cpu()
        return [found[i] for i in range(len(batch))]

    def _reduced(self, map_: "Tensor", size: tuple[int, ...]) -> "Tensor":
        """The map [c, h', w'] at a size: the class of the largest logit, or the soft value in 256 steps; uint8 [h, w]."""
        import torch
        from torch.nn.functional import interpolate

        map_ = self.outputs.ordered(map_, axis=0)
        if tuple(map_.shape[1:]) != size:
            map_ = interpolate(map_[None], size, mode="bilinear", align_corners=False)[0]
        if self.kind == "labels":
            return map_.argmax(dim=0).clamp_(max=len(self.data.classes or ())).to(torch.uint8)
        return (map_[0].clamp(0, 1) * 255).round_().to(torch.uint8)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("map", pa.binary())])

    def encode(self, predictions: "Sequence[Tensor]", batch: Batch) -> dict[str, pa.Array]:
        return {"map": pa.array([_png(map_.numpy()) for map_ in predictions], pa.binary())}

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """`labels`, or `edges` under that protocol: object [n], each a uint8 [h, w]."""
        maps = np.empty(table.num_rows, dtype=object)
        for row, png in enumerate(table["map"].to_pylist()):
            maps[row] = _from_png(png)
        return {self.kind: maps}

    def apart(self, first: Mapping[str, Array], second: Mapping[str, Array]) -> float:
        return share_apart(first["labels"], second["labels"]) if self.kind == "labels" else super().apart(first, second)

    def draw(self, sample: Sample, columns: Mapping[str, Array]) -> "Image":
        """The image with every class in a colour of its own laid over it; of edges, the map in black on white."""
        from PIL import Image as Pictures

        own = columns[self.kind][0]
        if self.kind == "edges":
            return Pictures.fromarray(255 - own)
        picture = to_picture(prepare_image(sample.input, None)).resize(own.shape[::-1])
        return Pictures.blend(picture, Pictures.fromarray(palette()[own]), 0.6)


def check_labels(target: Array, classes: int) -> None:
    """Raise ValueError where a label map holds anything but whole numbers from 0 to `classes` - 1, and `IGNORE`."""
    if target.dtype.kind not in "biu":
        raise ValueError(f"its label map is {target.dtype}, not whole numbers")
    unknown = target[(target != IGNORE) & ((target < 0) | (target >= classes))]
    if unknown.size:
        shown = ", ".join(map(str, np.unique(unknown)[:5].tolist()))
        raise ValueError(f"its label map has {shown}, and labels are 0 to {classes - 1}, or {IGNORE} to be ignored")


def verify_maps(maps: Any, ids: Sequence[str], outputs: int, model: str, *, soft: bool = False) -> "Tensor":
    """The maps as float32, if they are a finite floating-point tensor [b, outputs, h', w'], in [0, 1] where `soft`.

    Raises PredictionError naming the samples otherwise.
    """
    kept = check_floats(maps, (len(ids), outputs, "height", "width"), "a map of edges" if soft else "logits", ids, model)
    if soft:
        flat = kept.flatten(1)
        refuse_where((flat.amin(1) < -1e-4) | (flat.amax(1) > 1 + 1e-4), ids, f"{model} returned values outside [0, 1]")
    return kept


def palette() -> Array:
    """A colour for each of 256 labels, uint8 [256, 3], neighbours far apart; black where a pixel is ignored.

    Source: the colour map of PASCAL VOC (Everingham et al. 2010, development kit), bits of the label spread over the channels.
    """
    labels = np.arange(1, 257)[:, None]
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(7, -1, -1):
        colours |= ((labels >> np.arange(3) & 1) << bit).astype(np.uint8)
        labels >>= 3
    colours[IGNORE] = 0
    return colours


def _outputs(model: ModelInfo, data: DataInfo, which: Literal["all", "dataset"]) -> Outputs:
    if not data.classes:
        raise ModelError(f"{data.name} has no classes, so its pixels cannot be labelled")
    if len(data.classes) > IGNORE:
        raise ModelError(f"{data.name} has {len(data.classes)} classes, more than the {IGNORE} that a label map holds")
    if model.classes is None and not model.name.startswith("local/"):
        raise ModelError(
            f"{model.name} has no classes, as edge detectors have none, so it cannot label the pixels of {data.name}",
            "run an edge detector on edges: `benchmark=bsds500`; for another model pass `weights=FILE` that names its classes",
        )
    found = scored_outputs(model, data, which)
    if found.width > len(data.classes) == IGNORE:
        raise ModelError(
            f"{data.name} has {IGNORE} classes, so no label is left for the other classes of {model.name}",
            'score it among the classes of the dataset alone: outputs "dataset"',
        )
    return found


def _check_input(model: ModelInfo) -> None:
    want = model.input
    if want is not None and want.size is not None and (want.crop_mode != "squash" or want.crop_pct != 1):
        raise ModelError(
            f"{model.name} crops its images, so what it says of a pixel would not lie where the label does",
            'give it an input with crop_mode "squash" and crop_pct 1',
        )


def _of_one_size(inputs: Any) -> list[list[int]]:
    """Positions of a batch's images, grouped by size."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for position, image in enumerate(inputs):
        groups.setdefault(tuple(image.shape), []).append(position)
    return list(groups.values())


def _stacked(inputs: "Sequence[Tensor]", places: Sequence[int]) -> "Tensor":
    import torch

    return torch.stack([inputs[i] for i in places]).contiguous(memory_format=torch.channels_last)


def _png(map_: Array) -> bytes:
    from PIL import Image as Pictures

    buffer = BytesIO()
    Pictures.fromarray(map_).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _from_png(png: bytes) -> Array:
    from PIL import Image as Pictures

    with Pictures.open(BytesIO(png), formats=["PNG"]) as picture:
        return np.array(picture)
