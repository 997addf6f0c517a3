"""From a table to samples: texts or vectors, with labels and ids, as `csv:PATH` and a DataFrame have them."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.data.bulk import FLOAT32_MAX, as_numbers, coded
from zoo.data.dataset import ArrayDataset
from zoo.data.tables import Table
from zoo.errors import DataError
from zoo.specs import Modality


def table_dataset(table: Table, where: object) -> ArrayDataset:
    """Texts as they stand, or vectors float32 [d]. Classes are the labels, stripped and sorted, as numbers where all are.

    Ids are those of the column `id`, else `row-N` with the number of the row. `where` is for messages. Raises DataError.
    """
    import torch

    modality = table_modality(list(table.columns), where)
    for column in ("text", "id"):
        for number, field in zip(table.rows, table.columns.get(column, ()), strict=False):
            if not field.strip():
                raise _empty(column, number, where)
    codes, written = coded(table.columns["label"])
    labels = [unicodedata.normalize("NFC", label.strip()) for label in written]
    if "" in labels:
        raise _empty("label", table.rows[int((codes == labels.index("")).argmax())], where)
    classes = class_names(labels)
    index = {name: position for position, name in enumerate(classes)}
    targets = np.array([index[label] for label in labels], np.int64)[codes].tolist()
    ids = table_ids(table, where)
    if modality == "text":
        return ArrayDataset(list(table.columns["text"]), targets, ids, classes)
    features = {name: fields for name, fields in table.columns.items() if name not in ("id", "label")}
    return ArrayDataset(torch.from_numpy(table_numbers(features, table.rows, where)), targets, ids, classes)


def _empty(column: str, number: int, where: object) -> DataError:
    return DataError(f"row {number} of {where} has no {column}", "fill it in or leave the row out")


def table_modality(header: Sequence[str], where: object) -> Modality:
    """Whether the samples are texts or vectors, by the names of the columns. Raises DataError where neither can be."""
    if "label" not in header or not set(header) - {"label", "id"}:
        found = f"its columns are: {', '.join(header) or 'none'}"
        needed = "a column 'label', and a column 'text' or columns of numbers"
        raise DataError(f"{where} needs {needed}; {found}", "name the columns in the first row")
    return "text" if "text" in header else "vector"


def table_ids(table: Table, where: object) -> list[str]:
    """Ids of the column `id`, else `row-N`. Raises DataError where two rows have one."""
    given = table.columns.get("id")
    if given is None:
        return [f"row-{number}" for number in table.rows]
    rows: dict[str, int] = {}
    for number, field in zip(table.rows, given, strict=True):
        name = field.strip()
        if name in rows:
            raise DataError(f"rows {rows[name]} and {number} of {where} have one id: {name!r}", "give every row an id of its own")
        rows[name] = number
    return list(rows)


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels in order: as numbers where all are whole numbers."""
    distinct = set(labels)
    whole = all(label.isascii() and label.removeprefix("-").isdigit() for label in distinct)
    return tuple(sorted(distinct, key=lambda label: (int(label), label)) if whole else sorted(distinct))


def table_numbers(features: Mapping[str, Sequence[str]], rows: Sequence[int], where: object) -> "np.ndarray[Any, Any]":
    """Rows of numbers, float32 [n, features]. Raises DataError naming row and column of what is none."""
    values = np.empty((len(rows), len(features)), np.float32)
    for column, (name, fields) in enumerate(features.items()):
        known = as_numbers(fields)
        values[:, column] = (
            [_number(field, number, name, where) for number, field in zip(rows, fields, strict=True)] if known is None else known
        )
    return values


def _number(text: str, number: int, column: str, where: object) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > FLOAT32_MAX or "_" in text:
        decimal = "write decimals with a point" if text.strip().replace(",", "").removeprefix("-").isdecimal() else "correct it"
        raise DataError(
            f"row {number} of {where} has {text!r} in column {column!r}, which is no finite number",
            f"{decimal}; a column of texts must be named 'text'",
        )
    return value
