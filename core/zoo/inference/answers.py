"""What a task's predictions are as rows: label and probability, boxes, counts of pixels, vectors, pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError, OptionError, PluginError
from zoo.home import writing
from zoo.imaging.degrade import to_uint8
from zoo.imaging.images import prepare_image
from zoo.lazy import load_target
from zoo.metrics.probabilities import shares
from zoo.tasks.arrow import FLOATS
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Task
from zoo.tasks.by_name import declared_task
from zoo.tasks.classify import Classify
from zoo.tasks.detect import Boxes, Detect
from zoo.tasks.embed import Embed
from zoo.tasks.generate.restore import Generate, png_bytes
from zoo.tasks.segment import Segment, palette

if TYPE_CHECKING:
    from torch import Tensor

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What of the predictions is wanted: the `top` classes, boxes of at least `threshold`, pictures into a folder."""

    top: int = 1
    threshold: float = 0.25
    degraded: str | None = None
    pictures: Path | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Id to the file's name in `pictures`."""

    def save(self, id_: str, content: bytes) -> str:
        """Write a picture, whole or not at all. Returns where it lies."""
        assert self.pictures is not None
        path = self.pictures / self.names[id_]
        with writing(path) as temporary:
            temporary.write_bytes(content)
        return str(path)


@dataclass(frozen=True)
class Form:
    """How a task answers: itself bound to a model, what stands for a target, its columns, and the rows of a batch."""

    task: Task
    target: Callable[[Any], Any]
    schema: pa.Schema
    rows: Callable[[Batch, Any], Iterator[Row]]
    draws: bool = False
    """Whether it writes pictures."""


def form_of(task: str, model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """The form of a task's answers. Raises ModelError where a task says nothing of what has no labels."""
    target = declared_task(task).form
    if target is None:
        raise ModelError(
            f"{task} says nothing of files without labels", f"it is for benchmarks: zoo run {model.name} --on BENCHMARK"
        )
    found = load_target(target)(model, data, wanted)
    if not isinstance(found, Form):
        raise PluginError(f"{target!r}, the form of task {task!r}, gave {type(found).__name__}, not zoo.inference.Form")
    return found


def classify_form(model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """The `top` classes of each input, with their probabilities."""
    classes = data.classes or ()
    count = min(wanted.top, len(classes))
    marks = ["", *(f"_{place}" for place in range(2, count + 1))]
    columns = [column for mark in marks for column in ((f"label{mark}", pa.string()), (f"probability{mark}", pa.float64()))]

    def rows(batch: Batch, logits: "Tensor") -> Iterator[Row]:
        for id_, chances in zip(batch.ids, _probabilities(logits), strict=True):
            best = np.argsort(-chances, kind="stable")[:count]
            row: Row = {"id": id_}
            for mark, label in zip(marks, best, strict=True):
                row |= {f"label{mark}": classes[label], f"probability{mark}": float(chances[label])}
            yield row

    return Form(Classify(model, data), lambda _: 0, pa.schema([("id", pa.string()), *columns]), rows)


def _probabilities(logits: "Tensor") -> np.ndarray[Any, Any]:
    """float64 [b, classes]: softmax, unless they are probabilities already."""
    values = logits.detach().cpu().numpy().astype(np.float64)
    stated = shares(values)
    if not np.isnan(stated).any():
        return stated
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def detect_form(model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """A row a box of at least the wanted score; one without a box where there is none."""
    import torch

    nothing = Boxes(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    sides = ("x1", "y1", "x2", "y2")
    columns = [("id", pa.string()), ("label", pa.string()), ("score", pa.float64()), *((side, pa.float64()) for side in sides)]

    def rows(batch: Batch, found: Sequence[Boxes]) -> Iterator[Row]:
        for id_, boxes in zip(batch.ids, found, strict=True):
            assert boxes.scores is not None
            kept = [place for place in boxes.scores.argsort(descending=True).tolist() if boxes.scores[place] >= wanted.threshold]
            if not kept:
                yield {"id": id_, "label": None, "score": None, **dict.fromkeys(sides)}
            for place in kept:
                corners = dict(zip(sides, boxes.boxes[place].tolist(), strict=True))
                label = (data.classes or ())[int(boxes.labels[place])]
                yield {"id": id_, "label": label, "score": float(boxes.scores[place]), **corners}

    return Form(Detect(model, data), lambda _: nothing, pa.schema(columns), rows)


def segment_form(model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """Pixels and share of each class, or the strength of edges."""
    edges = not data.classes
    saved = [("picture", pa.string())] if wanted.pictures else []
    told = [("strength", pa.float64())] if edges else [("label", pa.string()), ("pixels", pa.int64()), ("share", pa.float64())]

    def rows(batch: Batch, maps: "Sequence[Tensor]") -> Iterator[Row]:
        for id_, map_ in zip(batch.ids, maps, strict=True):
            values = map_.numpy()
            picture = {"picture": wanted.save(id_, _png(values, coloured=not edges))} if wanted.pictures else {}
            if edges:
                yield {"id": id_, "strength": float(values.mean() / 255), **picture}
                continue
            counts = np.bincount(values.ravel(), minlength=len(data.classes or ()))
            for label, name in enumerate(data.classes or ()):
                if counts[label]:
                    yield {
                        "id": id_,
                        "label": name,
                        "pixels": int(counts[label]),
                        "share": counts[label] / values.size,
                        **picture,
                    }

    def blank(image: "Tensor") -> np.ndarray[Any, Any]:
        size = tuple(image.shape[-2:])
        return np.zeros((1, *size) if edges else size, dtype=np.uint8)

    task = Segment(model, data, {"kind": "edges"} if edges else {})
    return Form(task, blank, pa.schema([("id", pa.string()), *told, *saved]), rows, draws=True)


def _png(values: np.ndarray[Any, Any], *, coloured: bool) -> bytes:
    """A label map as PNG, its values the labels and a colour for each; a map of edges in grey."""
    from PIL import Image

    picture = Image.fromarray(values)
    if coloured:
        picture = picture.convert("L")
        picture.putpalette(palette().ravel().tolist())
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def embed_form(model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """The vector of each input."""

    def rows(batch: Batch, vectors: "Tensor") -> Iterator[Row]:
        for id_, vector in zip(batch.ids, vectors.cpu().tolist(), strict=True):
            yield {"id": id_, "vector": vector}

    return Form(Embed(model, data), lambda _: 0, pa.schema([("id", pa.string()), ("vector", FLOATS)]), rows)


class Restoring(Generate):
    """Restores pictures that are spoilt already."""

    def prepare(self, sample: Sample) -> Sample:
        return Sample(sample.id, prepare_image(sample.input, self.picture), None)


def restore_form(model: ModelInfo, data: DataInfo, wanted: Wanted) -> Form:
    """Where the restored picture lies, and how large it is."""
    if data.modality != "image":
        raise ModelError(f"{model.name} writes texts, and says nothing of files", f"zoo sample {model.name}")
    if wanted.degraded is None:
        raise OptionError(
            "nothing says what the pictures suffer from", "`degraded=noise:25` (grey levels) or `degraded=bicubic:3`"
        )
    if wanted.pictures is None:
        raise OptionError("restored pictures need a folder", "name one: `pictures`")

    def rows(batch: Batch, images: "Sequence[Tensor]") -> Iterator[Row]:
        for id_, image in zip(batch.ids, images, strict=True):
            height, width = image.shape[1:]
            picture = wanted.save(id_, png_bytes(to_uint8(image).numpy()))
            yield {"id": id_, "picture": picture, "height": int(height), "width": int(width)}

    columns = [("id", pa.string()), ("picture", pa.string()), ("height", pa.int64()), ("width", pa.int64())]
    return Form(Restoring(model, data, {"degrade": wanted.degraded}), lambda _: None, pa.schema(columns), rows, draws=True)
