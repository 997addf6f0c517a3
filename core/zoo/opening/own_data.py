"""Data of the user's own beside those by name: arrays, a torch Dataset, a Hugging Face dataset, a DataFrame, a zoo.Dataset."""

import hashlib
import io
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data.dataset import ArrayDataset, Dataset, Sample, SampleSequence
from zoo.data.tables import Table
from zoo.data.tabular import class_names, table_dataset
from zoo.errors import DataError, ZooError, reason_of
from zoo.opening.datasets import DATASET_MEMBERS, check_samples
from zoo.specs import DatasetSpec, Modality, TaskName
from zoo.tasks.by_name import declared_modality, declared_task

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

HOW = "give (X, y), a torch Dataset of (input, label), a Hugging Face dataset, a DataFrame, or a zoo.Dataset"
_LABELS, _PICTURES, _TEXTS = ("label", "labels", "target"), ("image", "img"), ("text", "sentence")
"""What columns of a Hugging Face dataset are called."""


@dataclass(frozen=True)
class OwnData:
    """Samples, and what a plugin would declare of them."""

    spec: DatasetSpec
    dataset: Dataset


def own_data(data: Any) -> OwnData:
    """The samples of whatever a caller has. Raises DataError where it is nothing that can be read so.

    X: images uint8 or float in [0, 1], [n, h, w], [n, c, h, w] or [n, h, w, c] with c of 1 or 3; vectors [n, d]; or texts. y:
    labels, numbers or names; classes are those that occur, in order. Of a Hugging Face dataset columns `image` or `text`, and
    `label`, count; a DataFrame is read as `csv:` reads a file.
    """
    kind = type(data).__name__
    try:
        if all(hasattr(data, member) for member in DATASET_MEMBERS):
            return _declared(data, kind)
        if hasattr(data, "features") and hasattr(data, "column_names"):
            return _declared(_of_hugging_face(data), kind)
        if hasattr(data, "columns") and hasattr(data, "__getitem__"):
            return _declared(_of_frame(data), kind)
        if isinstance(data, (tuple, list)) and len(data) == 2:
            return _declared(of_arrays(*data), "arrays")
        if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, (str, bytes, Mapping)):
            return _declared(_of_torch(data), kind)
    except ZooError:
        raise
    except Exception as error:
        raise DataError(f"your {kind} cannot be read: {type(error).__name__}: {reason_of(error)}", HOW) from error
    raise DataError(f"nothing can be run on a {kind}", HOW)


def of_arrays(inputs: Any, labels: Any, classes: Sequence[str] | None = None) -> ArrayDataset:
    """The dataset of X and y, with ids `0`, `1`, …; `classes` name labels that are numbers. Raises DataError."""
    named = [_plain(label) for label in labels]
    known = tuple(classes) if classes else class_names([str(label) for label in named])
    place = {name: position for position, name in enumerate(known)}
    targets = [_target(label, place, known, bool(classes)) for label in named]
    found = _texts(inputs) or _tensor(inputs)
    if len(found) != len(targets):
        raise DataError(f"{len(found):,} inputs come with {len(targets):,} labels", "give one label an input")
    return ArrayDataset(found, targets, [str(row) for row in range(len(targets))], known)


class TorchSamples(SampleSequence):
    """The samples of a map-style torch Dataset, read once for their hashes and labels, and again when they are asked for.

    A sample that is another the second time, as under random augmentation, raises DataError.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._hashes: list[str] = []
        labels = []
        for position in range(len(source)):
            value, label = self._pair(position)
            self._hashes.append(_sha256(value))
            labels.append(_plain(label))
        declared = getattr(source, "classes", None)
        declared = declared if declared and all(isinstance(name, str) for name in declared) else None
        self.classes = tuple(declared) if declared else class_names([str(label) for label in labels])
        place = {name: position for position, name in enumerate(self.classes)}
        self.targets = [_target(label, place, self.classes, bool(declared)) for label in labels]
        self.ids = [str(position) for position in range(len(labels))]
        rows = (self.classes, self.targets, self._hashes)
        self.fingerprint = hashlib.sha256(repr(rows).encode()).hexdigest()

    def _pair(self, position: int) -> tuple[Any, Any]:
        item = self._source[position]
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise DataError(f"item {position} of your {type(self._source).__name__} is no pair of input and label", HOW)
        return _input(item[0]), item[1]

    def __getitem__(self, index: int, /) -> Sample:
        value, _ = self._pair(index)
        if _sha256(value) != self._hashes[index]:
            raise DataError(f"item {index} is another one each time it is asked for", "leave random augmentation out")
        return Sample(self.ids[index], value, self.targets[index])


def _declared(dataset: Dataset, kind: str) -> OwnData:
    """The spec of some samples, by the first of them."""
    if not len(dataset.ids):
        raise DataError(f"your {kind} has no samples", HOW)
    first = dataset[0]
    modality: Modality = getattr(dataset, "modality", None) or _modality(first.input)
    said = getattr(dataset, "tasks", None) or _tasks(first.target)
    tasks = (said,) if isinstance(said, str) else tuple(said)
    for declared, names in ((declared_modality, [modality]), (declared_task, tasks)):
        for name in names:
            declared(name)  # a word mistyped would be run as something else
    spec = DatasetSpec(
        name=f"local/{kind}",
        summary="Data of the caller's own.",
        modality=modality,
        tasks=tasks,
        target="zoo.opening.own_data:own_data",
        splits={"test": len(dataset.ids)},
        classes=tuple(dataset.classes) if dataset.classes else None,
        licence="The user's own.",
        citation="The user's own.",
    )
    check_samples(spec, "test", dataset)
    return OwnData(spec, dataset)


def _modality(value: Any) -> Modality:
    return "text" if isinstance(value, str) else "image" if value.ndim == 3 else "vector"


def _tasks(target: Any) -> tuple[TaskName, ...]:
    from zoo.tasks.detect import Boxes
    from zoo.tasks.embed import Place

    if isinstance(target, Boxes):
        return ("detect",)
    if isinstance(target, Place):
        return ("embed",)
    return ("segment",) if getattr(target, "ndim", 0) >= 2 else ("classify", "embed")


def _of_frame(frame: Any) -> ArrayDataset:
    columns = {str(name): [str(value) for value in frame[name]] for name in frame.columns}
    count = len(next(iter(columns.values()), ()))
    return table_dataset(Table(columns, range(2, count + 2)), f"your {type(frame).__name__}")


def _of_hugging_face(data: Any) -> ArrayDataset:
    label = next((name for name in _LABELS if name in data.column_names), None)
    inputs = next((name for name in (*_PICTURES, *_TEXTS) if name in data.column_names), None)
    if label is None or inputs is None:
        known = ", ".join(data.column_names)
        raise DataError(f"your dataset has the columns {known}", "rename them: `image` or `text`, and `label`")
    names = getattr(data.features[label], "names", None)
    values = list(data[inputs])
    return of_arrays(values if inputs in _TEXTS else [_input(value) for value in values], list(data[label]), names)


def _of_torch(data: Any) -> Dataset:
    return TorchSamples(data)


def _texts(inputs: Any) -> list[str] | None:
    """Texts, if they are such."""
    if isinstance(inputs, (str, bytes)):
        raise DataError("one text is no list of texts", HOW)
    if getattr(inputs, "ndim", 1) != 1 or not len(inputs):
        return None
    return [str(text) for text in inputs] if all(isinstance(text, str) for text in inputs) else None


def _tensor(inputs: Any) -> "Tensor":
    """Images uint8 or float32 [n, c, h, w], or vectors float32 [n, d]."""
    import numpy as np
    import torch

    if isinstance(inputs, (list, tuple)) and len(inputs) and hasattr(inputs[0], "shape"):
        if len({tuple(item.shape) for item in inputs}) > 1:
            raise DataError("the images of X are of several sizes", "give a torch Dataset of them")
        inputs = torch.stack([torch.as_tensor(item) for item in inputs])
    found = inputs.detach().cpu() if isinstance(inputs, torch.Tensor) else torch.from_numpy(np.array(inputs))
    if found.ndim == 2:
        return _finite(found.float())
    if found.ndim not in (3, 4):
        raise DataError(
            f"X is of shape {list(found.shape)}", "images are [n, h, w], [n, c, h, w] or [n, h, w, c], vectors [n, d]"
        )
    return _pixels(found[:, None] if found.ndim == 3 else _channels_first(found, axis=1))


def _input(value: Any) -> Any:
    """One sample's input: a text, a vector float32 [d], or an image [c, h, w]; a PIL image counts."""
    import numpy as np
    import torch

    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("bytes"):  # as Hugging Face stores an image
        from PIL import Image

        value = Image.open(io.BytesIO(value["bytes"]))
    if hasattr(value, "convert"):
        value = np.array(value if value.mode in ("L", "RGB") else value.convert("RGB"))
    found = value.detach().cpu() if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    if found.ndim == 1:
        return _finite(found.float())
    if found.ndim not in (2, 3):
        raise DataError(f"an input is of shape {list(found.shape)}", "an image is [h, w], [c, h, w] or [h, w, c], a vector [d]")
    return _pixels(found[None] if found.ndim == 2 else _channels_first(found, axis=0))


def _channels_first(images: "Tensor", axis: int) -> "Tensor":
    """Images with their channels, 1 or 3, before height and width."""
    first, last = images.shape[axis] in (1, 3), images.shape[-1] in (1, 3)
    if first and last and images.shape[axis] != images.shape[-1]:
        raise DataError(f"images of shape {list(images.shape)} may have their channels first or last", "give [n, c, h, w]")
    if not first and not last:
        raise DataError(f"images of shape {list(images.shape)} have neither 1 nor 3 channels", "give grey or RGB images")
    return images if first else images.movedim(-1, axis).contiguous()


def _pixels(images: "Tensor") -> "Tensor":
    import torch

    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise DataError(f"images are {images.dtype}", "give uint8 in 0..255, or floating point in [0, 1]")
    low, high = (float(bound) for bound in images.aminmax()) if images.numel() else (0.0, 0.0)
    if not (low >= -1e-4 and high <= 1 + 1e-4):
        raise DataError(f"images reach from {low:g} to {high:g}", "give [0, 1], not normalised: the normalisation is the model's")
    return images.float()


def _finite(values: "Tensor") -> "Tensor":
    if not bool(values.isfinite().all()):
        raise DataError("the numbers of X are not all finite", "leave out or fill in what is missing")
    return values


def _plain(label: Any) -> Any:
    """A label as a str or an int. Raises DataError for one that is neither."""
    if isinstance(label, str):
        return label
    if hasattr(label, "item") and getattr(label, "shape", ()) == ():
        label = label.item()
    try:
        return operator.index(label)
    except TypeError:
        raise DataError(f"a label is {label!r}", "labels are whole numbers or names") from None


def _target(label: Any, place: Mapping[str, int], classes: Sequence[str], numbered: bool) -> int:
    """The position of a label among the classes; a number is one itself where these are declared."""
    found = label if numbered and not isinstance(label, str) else place.get(str(label), -1)
    if not 0 <= found < len(classes):
        raise DataError(f"the label {label!r} is none of the {len(classes)} classes", f"they are: {', '.join(classes[:12])}")
    return int(found)


def _sha256(value: Any) -> str:
    if isinstance(value, str):
        return hashlib.sha256(value.encode()).hexdigest()
    array: np.ndarray[Any, Any] = value.contiguous().numpy()
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()
