"""detect: the objects of an image, each with a box, a class and a score.

Target: `Boxes` of the annotators. Prediction: `Boxes` with scores, in the original image's pixels.
Stored: `boxes` list<struct{x1, y1, x2, y2, score: float32, label: int32}>, `objects` list<struct{x1, y1, x2, y2: float32,
label: int32, crowd: bool, area: float64}> of the annotators, `height` and `width` int32 of the image.
A row is a sample, so average precision is a corpus metric that gathers rows and merges them in id order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.imaging.images import prepare_image
from zoo.metric_specs.detect import COCO_METRICS
from zoo.specs import ImageInput
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.classes import class_columns
from zoo.tasks.comparing import boxes_apart

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

CORNERS = ("x1", "y1", "x2", "y2")
BOX = pa.struct([*((name, pa.float32()) for name in CORNERS), ("score", pa.float32()), ("label", pa.int32())])
OBJECT = pa.struct(
    [*((name, pa.float32()) for name in CORNERS), ("label", pa.int32()), ("crowd", pa.bool_()), ("area", pa.float64())]
)


@dataclass(frozen=True)
class Boxes:
    """n boxes of one image.

    `boxes` float32 [n, 4], x1 y1 x2 y2 in absolute pixels with x1 <= x2 and y1 <= y2, where pixel i spans [i, i + 1];
    `labels` int64 [n], indices of the dataset's classes (in a prediction: of the model's). Of a prediction: `scores`
    float32 [n] in [0, 1]. Of a target: `crowd` bool [n], regions in which detections are neither right nor wrong (None:
    none is), and `area` float64 [n], the object's own area in square pixels, by which COCO tells small from large (None: of
    the box).
    """

    boxes: "Tensor"
    labels: "Tensor"
    scores: "Tensor | None" = None
    crowd: "Tensor | None" = None
    area: "Tensor | None" = None

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Protocol):
    """What a model of this task does."""

    def __call__(self, images: "Sequence[Tensor]", /) -> Sequence[Boxes]:
        """Boxes of each image [3, h, w], float32 in [0, 1], in that image's pixels and the model's class indices.

        Images come in sizes of their own; a model that needs another size resizes inside and scales its boxes back.
        """


class Detect(Task):
    """Runs a detector.

    Its classes are mapped to the dataset's by name; detections of classes that the dataset lacks are left out. Boxes are kept as
    the model returns them, those of no area or beyond the image's edge too: how they count, the metric says.
    """

    name: ClassVar[str] = "detect"
    version: ClassVar[int] = 2
    shard_size: ClassVar[int] = 64

    def setup(self) -> None:
        if not self.data.classes:
            raise ModelError(f"{self.data.name} has no classes, so nothing can be detected on it")
        if self.model.input is not None and self.model.input.size is not None:
            size = "x".join(map(str, self.model.input.size))
            raise ModelError(
                f"{self.model.name} wants images of {size} pixels, but boxes are in the image's own",
                "a detector resizes inside and scales its boxes back: declare input without a size",
            )
        self.outputs, columns = class_columns(self.model, self.data)
        columns = list(range(self.outputs)) if columns is None else columns
        self.label_of = [-1] * self.outputs
        for label, output in enumerate(columns):
            self.label_of[output] = label

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return COCO_METRICS

    def prepare(self, sample: Sample) -> Sample:
        image = prepare_image(sample.input, ImageInput(channels=3))
        _check_target(sample.target, len(self.data.classes or ()))
        return Sample(sample.id, image, sample.target)

    def collate(self, samples: Sequence[Sample]) -> "list[Tensor]":
        return [sample.input for sample in samples]

    def predict(self, model: Detector, batch: Batch) -> list[Boxes]:
        """Boxes of each image, on the CPU, as the model returns them, labelled by the dataset's classes."""
        returned = model(batch.inputs)
        if not isinstance(returned, Sequence) or len(returned) != len(batch):
            found = f"{len(returned)} results" if isinstance(returned, Sequence) else type(returned).__name__
            raise PredictionError(f"{self.model.name} returned {found} for {len(batch)} images", "expected one Boxes an image")
        return [
            self._of_dataset(verify_boxes(boxes, id_, self.outputs, self.model.name))
            for boxes, id_ in zip(returned, batch.ids, strict=True)
        ]

    def _of_dataset(self, found: Boxes) -> Boxes:
        """Without what is of a class that the dataset lacks."""
        import torch

        labels = torch.tensor(self.label_of)[found.labels]
        kept = labels >= 0
        assert found.scores is not None
        return Boxes(found.boxes[kept], labels[kept], found.scores[kept])

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("boxes", pa.list_(BOX)), ("objects", pa.list_(OBJECT)), ("height", pa.int32()), ("width", pa.int32())])

    def encode(self, predictions: Sequence[Boxes], batch: Batch) -> dict[str, pa.Array]:
        targets = batch.targets
        return {
            "boxes": _list_array([_columns(boxes, scores=True) for boxes in predictions], BOX),
            "objects": _list_array([_columns(boxes, scores=False) for boxes in targets], OBJECT),
            "height": pa.array([image.shape[1] for image in batch.inputs], pa.int32()),
            "width": pa.array([image.shape[2] for image in batch.inputs], pa.int32()),
        }

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`boxes` object [n] of float64 [k, 6] (x1 y1 x2 y2 score label), `objects` object [n] of float64 [k, 7] (x1 y1 x2
        y2 label crowd area), `height` and `width` int64 [n]."""
        return {
            "boxes": _matrices(table["boxes"], BOX),
            "objects": _matrices(table["objects"], OBJECT),
            "height": table["height"].to_numpy().astype(np.int64),
            "width": table["width"].to_numpy().astype(np.int64),
        }

    def apart(self, first: Mapping[str, np.ndarray[Any, Any]], second: Mapping[str, np.ndarray[Any, Any]]) -> float:
        return max(map(boxes_apart, first["boxes"], second["boxes"]), default=0.0)

    def draw(self, sample: Sample, columns: Mapping[str, np.ndarray[Any, Any]]) -> "Image":
        """The image with the annotated boxes in thin white and the 20 best predictions of score 0.2 or more in colour."""
        from zoo.tasks.drawing import draw_boxes

        image = prepare_image(sample.input, ImageInput(channels=3))
        found = columns["boxes"][0]
        best = found[np.argsort(-found[:, 4], kind="stable")[:20]]
        return draw_boxes(image, best[best[:, 4] >= 0.2], columns["objects"][0], self.data.classes or ())


def verify_boxes(found: Any, id_: str, outputs: int, model: str) -> Boxes:
    """What a model says of one image, on the CPU as float32 and int64. Raises PredictionError naming the image.

    Shapes [n, 4], [n] and [n]; finite numbers, x1 <= x2 and y1 <= y2, scores in [0, 1], labels in [0, outputs).
    """
    import torch

    def refuse(problem: str, hint: str = "") -> PredictionError:
        return PredictionError(f"{model} returned {problem} for {id_}", hint, ids=[id_])

    parts = [getattr(found, name, None) for name in ("boxes", "labels", "scores")]
    if not all(isinstance(part, torch.Tensor) for part in parts):
        hint = "expected zoo.tasks.Boxes"
        if isinstance(found, Mapping) and {"boxes", "labels", "scores"} <= found.keys():  # as torchvision's detectors do
            hint += (
                '(one["boxes"], one["labels"], one["scores"]) of each: wrap it, with labels from 0 in the order of its classes'
            )
        raise refuse(f"{type(found).__name__} without tensors as its attributes boxes, labels and scores", hint)
    boxes, labels, scores = (part.detach().cpu() for part in parts if part is not None)
    shapes = [list(part.shape) for part in (boxes, labels, scores)]
    if shapes != [[len(boxes), 4], [len(boxes)], [len(boxes)]]:
        raise refuse(f"boxes, labels and scores of shapes {', '.join(map(str, shapes))}", "expected [n, 4], [n] and [n]")
    if not boxes.is_floating_point() or not scores.is_floating_point() or labels.is_floating_point():
        kinds = ", ".join(str(part.dtype) for part in (boxes, labels, scores))
        raise refuse(f"boxes, labels and scores of types {kinds}", "expected floating point, integer, floating point")
    boxes, labels, scores = boxes.float(), labels.long(), scores.float()
    if not bool(torch.isfinite(boxes).all()) or not bool(torch.isfinite(scores).all()):
        raise refuse("NaN or infinite boxes or scores")
    if bool((boxes[:, 2:] < boxes[:, :2]).any()):
        raise refuse("a box whose right or lower edge is before its left or upper one", "boxes are x1 y1 x2 y2, in pixels")
    if bool(((scores < 0) | (scores > 1)).any()):
        raise refuse("a score outside [0, 1]")
    if bool(((labels < 0) | (labels >= outputs)).any()):
        raise refuse(f"a label that is none of its {outputs} classes")
    return Boxes(boxes, labels, scores)


def _check_target(target: Any, classes: int) -> None:
    """Raise ValueError where it is no Boxes, or one of them is not finite or of no class.

    A box without area or beyond its image is counted, as pycocotools counts it: none may be found there, but it is annotated.
    """
    import torch

    if not isinstance(target, Boxes):
        raise ValueError(f"its target is {type(target).__name__}, not Boxes")
    if target.boxes.shape != (len(target.labels), 4):
        raise ValueError(f"{len(target.labels)} labels come with boxes of shape {list(target.boxes.shape)}")
    wrong = {
        "is not finite": ~torch.isfinite(target.boxes).all(dim=1),
        f"is of none of the {classes} classes": (target.labels < 0) | (target.labels >= classes),
    }
    for problem, which in wrong.items():
        if bool(which.any()):
            first = int(which.nonzero()[0])
            numbers = ", ".join(f"{value:g}" for value in target.boxes[first].tolist())
            raise ValueError(f"annotated box {first} (x1 y1 x2 y2 = {numbers}) {problem}")


def _columns(found: Boxes, *, scores: bool) -> list[np.ndarray[Any, Any]]:
    """The fields of BOX (with scores) or OBJECT, an array each."""
    boxes, labels = found.boxes.float().numpy(), found.labels.numpy()
    corners = [boxes[:, i] for i in range(4)]
    if scores:
        assert found.scores is not None
        return [*corners, found.scores.float().numpy(), labels]
    crowd = np.zeros(len(labels), bool) if found.crowd is None else found.crowd.numpy().astype(bool)
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    area = sides.prod(axis=1) if found.area is None else found.area.double().numpy()
    return [*corners, labels, crowd, area]


def _list_array(rows: Sequence[Sequence[np.ndarray[Any, Any]]], kind: pa.StructType) -> pa.Array:
    """A list<struct> array of rows, each of which is the struct's fields as arrays."""
    offsets = np.cumsum([0, *(len(row[0]) for row in rows)]).astype(np.int32)
    fields = [
        pa.array(np.concatenate([row[i] for row in rows]).astype(field.type.to_pandas_dtype()), field.type)
        for i, field in enumerate(kind)
    ]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(fields, fields=list(kind)))


def _matrices(column: pa.ChunkedArray, kind: pa.StructType) -> np.ndarray[Any, Any]:
    """A list<struct> column as an object array of float64 [k, fields of the struct]."""
    lists = column.combine_chunks()
    flat = lists.flatten()
    parts = [flat.field(i).cast(pa.float64() if not pa.types.is_boolean(f.type) else pa.int8()) for i, f in enumerate(kind)]
    values = np.stack([np.asarray(part, dtype=np.float64) for part in parts], axis=1)
    ends = np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))
    rows = np.empty(len(lists), dtype=object)
    for i, row in enumerate(np.split(values, ends[:-1]) if len(lists) else ()):
        rows[i] = row  # one by one: equally many boxes in all images would make it a cube
    return rows
