"""A file of predictions, by a stranger, into one array in the order of the test ids: CSV, Parquet or `.npy`, never a pickle.

A table has a column `id` and either a column `label` (class names, or their numbers), or a column a class with
probabilities, or a column `logit:CLASS` a class; a label beside those must be the highest. A `.npy` has no ids: labels [n] or
probabilities [n, C] in the order of the test ids. Runs in a process of its own, without labels.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo import data
from zoo.data import EncodingError
from zoo.errors import DataError
from zoo_homework.statuses import Status, SubmissionError

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Sequence[Any]]

TABLES = (".csv", ".tsv", ".parquet")
NPY = b"\x93NUMPY"
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".th", ".bin", ".ckpt")
SUM_TOLERANCE = 0.01
"""GradingOptions far the probabilities of a row may add up from 1: people round them to two or three places."""
WHOLE = re.compile(r"(\d+)\.0+")
"""A class's number as tools write it that make a column of numbers one of floats."""
SMALLEST = 1e-300
"""Stands for a probability of 0, whose logarithm a score cannot hold."""


def read_predictions(path: Path, ids: Sequence[str], classes: Sequence[str], split: str = "test split") -> Array:
    """What a file says of every id, in their order: int64 [n] labels, or [n, C] logits (float32 as given, float64 from
    probabilities). Raises SubmissionError with the status and what to correct; `split` is what it calls the ids."""
    content, suffix = path.read_bytes(), path.suffix.lower()
    if suffix == ".npy":
        return check_predictions(read_array(content), len(ids), classes, split)
    columns = read_table(content, suffix)
    order = _order(columns, ids, split)
    return _from_columns({name: [values[row] for row in order] for name, values in columns.items()}, classes)


def read_table(content: bytes, suffix: str) -> Columns:
    """The columns of a CSV or Parquet file by name, fields of a CSV stripped. Raises SubmissionError."""
    check_content(content, suffix)
    try:
        columns = data.read_table(content, suffix).columns
    except EncodingError as error:
        raise SubmissionError(Status.BAD_ENCODING, f"{error.message}; save it as UTF-8") from error
    except DataError as error:
        raise SubmissionError(Status.BAD_FORMAT, error.message) from error
    return {name: [v.strip() if isinstance(v, str) else v for v in values] for name, values in columns.items()}


def read_array(content: bytes) -> Array:
    """The array of a `.npy` file. Raises SubmissionError."""
    check_content(content, ".npy")
    if not content.startswith(NPY):
        raise SubmissionError(Status.BAD_FORMAT, "this is no .npy file; write it by numpy.save, or hand in CSV")
    try:
        return np.load(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]
    except MemoryError as error:
        raise SubmissionError(Status.BAD_FORMAT, "the array says that it holds more numbers than the file does") from error
    except Exception as error:  # the header is parsed as Python, which fails in many ways
        if "Object arrays" in str(error):
            raise SubmissionError(Status.PICKLE, "the array holds Python objects, that is, a pickle; save numbers") from error
        raise SubmissionError(Status.BAD_FORMAT, f"this is no .npy file: {_line(error)}") from error


def check_content(content: bytes, suffix: str) -> None:
    """Refuse what is empty or a pickle, whatever it is called."""
    if not content.strip():
        raise SubmissionError(Status.EMPTY, "the file is empty")
    if suffix == ".npz":
        raise SubmissionError(Status.BAD_FORMAT, "this is an archive of arrays; write one array by numpy.save, as .npy")
    pickled = len(content) > 1 and content[0] == 0x80 and content[1] <= 5
    if suffix in PICKLES or pickled:
        raise SubmissionError(
            Status.PICKLE, "this is a pickle, which can run code when it is opened; hand in CSV, Parquet, .npy or safetensors"
        )


def _order(columns: Columns, ids: Sequence[str], split: str) -> list[int]:
    """The row of each id. Raises SubmissionError naming ids that are missing, unknown or duplicated."""
    if "id" not in columns:
        raise SubmissionError(Status.BAD_FORMAT, f"there is no column 'id', only: {_some(list(columns))}")
    found = [str(value) for value in columns["id"]]
    counts = Counter(found)
    known = set(ids)
    problems = {
        "missing": [name for name in ids if name not in counts],
        "unknown": [name for name in counts if name not in known],
        "duplicated": [name for name, count in counts.items() if count > 1],
    }
    said = [f"{len(names)} {what} ({_some(names)})" for what, names in problems.items() if names]
    if said:
        raise SubmissionError(Status.BAD_IDS, f"the ids are not those of the {split}: " + "; ".join(said))
    row_of = {name: row for row, name in enumerate(found)}
    return [row_of[name] for name in ids]


def _from_columns(columns: Columns, classes: Sequence[str]) -> Array:
    scores, logits = None, [f"logit:{name}" for name in classes]
    if all(name in columns for name in logits):
        scores = _finite(_numbers(columns, logits)).astype(np.float32)
    elif all(name in columns for name in classes):
        scores = log_probabilities(_numbers(columns, classes))
    if "label" in columns and "label" not in classes:
        labels = _labels(columns["label"], classes)
        return labels if scores is None else _agreeing(scores, labels, columns["id"])
    if scores is not None:
        return scores
    raise SubmissionError(
        Status.BAD_FORMAT,
        f"there is neither a column 'label' nor a column for each of the classes {_some(list(classes))}; "
        f"the columns are: {_some(list(columns))}",
    )


def _agreeing(scores: Array, labels: Array, ids: Sequence[Any]) -> Array:
    """The scores, if the label of every row has the highest."""
    other = np.flatnonzero(scores[np.arange(len(labels)), labels] < scores.max(axis=1))
    if len(other):
        raise SubmissionError(
            Status.BAD_FORMAT,
            f"the column 'label' and the columns of the classes disagree in {len(other)} rows, the first of id "
            f"{_shown(ids[other[0]])}; leave one of them out",
        )
    return scores


def _numbers(columns: Columns, names: Sequence[str]) -> Array:
    return np.array([[_number(value, name) for value in columns[name]] for name in names], dtype=np.float64).T


def _number(value: Any, column: str) -> float:
    if value is None or value == "":
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise SubmissionError(Status.BAD_FORMAT, f"{_shown(value)} in column {column!r} is not a number") from None


def _labels(values: Sequence[Any], classes: Sequence[str]) -> Array:
    index, labels = class_index(classes), []
    for row, value in enumerate(values, 1):
        if value is None or str(value).lower() in ("", "nan", "none", "inf", "-inf"):
            raise SubmissionError(Status.NOT_FINITE, f"prediction {row} has no label")
        number = class_number(str(value), index)
        if number is None:
            numbers = f", nor a number from 0 to {len(classes) - 1}" if len(index) > len(classes) else ""
            raise SubmissionError(
                Status.BAD_FORMAT, f"label {_shown(value)} is none of the classes {_some(list(classes))}{numbers}"
            )
        labels.append(number)
    return np.array(labels, dtype=np.int64)


def class_index(classes: Sequence[str]) -> dict[str, int]:
    """The class that a label means, by name, or by number where no name could be taken for one."""
    index = {name: position for position, name in enumerate(classes)}
    if any(name.isdecimal() for name in classes):
        return index
    return {str(position): position for position in range(len(classes))} | index


def class_number(label: str, index: Mapping[str, int]) -> int | None:
    """The class of a label by `class_index`, `1.0` as `1`; None where it is none."""
    whole = WHOLE.fullmatch(label)
    return index.get(label, index.get(whole[1]) if whole else None)


def check_predictions(array: Array, n: int, classes: Sequence[str], split: str = "test split") -> Array:
    """Labels or log-probabilities of a bare array."""
    if array.ndim == 0 or len(array) != n:
        raise SubmissionError(Status.BAD_IDS, f"the array has shape {list(array.shape)}; the {split} has {n} samples")
    if array.ndim == 1 and array.dtype.kind in "iu":
        if array.min() < 0 or array.max() >= len(classes):
            raise SubmissionError(Status.BAD_FORMAT, f"the labels are not all from 0 to {len(classes) - 1}")
        return array.astype(np.int64)
    if array.ndim == 1 and array.dtype.kind in "US":
        return _labels([str(value) for value in array.astype(str)], classes)
    if array.shape[1:] == (len(classes),) and array.dtype.kind == "f":
        return log_probabilities(array.astype(np.float64))
    raise SubmissionError(
        Status.BAD_FORMAT,
        f"the array is {array.dtype} {list(array.shape)}; expected labels [{n}] or probabilities [{n}, {len(classes)}]",
    )


def log_probabilities(probabilities: Array) -> Array:
    """Logarithms of float64 [n, C], checked to be probabilities."""
    _finite(probabilities)
    sums = probabilities.sum(axis=1)
    if len(sums) and (probabilities.min() < 0 or probabilities.max() > 1 or abs(sums - 1).max() > SUM_TOLERANCE):
        worst = int(abs(sums - 1).argmax())
        raise SubmissionError(
            Status.BAD_FORMAT,
            f"these are not probabilities: row {worst + 1} adds up to {sums[worst]:.4g}; write logits as 'logit:CLASS'",
        )
    return np.log(np.maximum(probabilities, SMALLEST))


def _finite(array: Array) -> Array:
    """The array, if it is finite."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise SubmissionError(
            Status.NOT_FINITE, f"{len(bad)} predictions are NaN, infinite or empty, the first in row {bad[0][0] + 1}"
        )
    return array


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(str(name)[:40] for name in names[:most]) + (", …" if len(names) > most else "")


def _shown(value: Any) -> str:
    return repr(str(value)[:40])


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
