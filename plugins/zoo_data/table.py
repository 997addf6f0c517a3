"""csv:PATH: the user's own texts or vectors, a row per sample."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data import ArrayDataset, DataFiles, Dataset, Table, read_header, read_table
from zoo.errors import DataError
from zoo.options import split_options
from zoo.remarks import remark
from zoo.specs import DatasetSpec, Modality
from zoo_data.holdout import SPLITS, HoldOut, part_of, scored_on
from zoo_data.walking import plain

BEGINNING = 1 << 20
"""Bytes of a file that are read for its header."""


def table_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `csv:PATH`; only the header is read.

    With columns `text` and `label` the samples are texts, and other columns are passed over; with `label` but no `text`
    they are vectors of all other columns, which must be numbers. A column `id` names the samples. The split `test` is all
    rows, and `train` all but a fifth of every class; `csv:holdout=0.2:PATH` holds that fifth out as `test`.
    """
    options, path = split_options(HoldOut, rest, "csv")
    table = Path(path).expanduser().absolute()
    header = read_header(_content(table, BEGINNING), table.suffix, table)
    return DatasetSpec(
        name=name,
        summary=f"Rows of {path}.",
        modality=_modality(header, table),
        target="zoo_data.table:open_table",
        splits=dict.fromkeys(SPLITS),
        licence="The user's own.",
        citation="The user's own.",
        path=str(table),
        held_out=None if options.holdout else scored_on(name),
    )


def open_table(files: DataFiles, split: str) -> Dataset:
    """Texts as they stand, or vectors float32 [d]. Classes are the labels, stripped and sorted, as numbers where all are.

    Ids are those of the column `id`, else `row-N` with the number of the row as a spreadsheet shows it: the header is row 1.
    """
    path = Path(files.spec.path or "")
    table = read_table(_content(path), path.suffix, path)
    if table.passed_over:
        remark(f"columns of {path} passed over: {', '.join(table.passed_over)}", stacklevel=2)
    return part_of(_dataset(table, path), split, files.spec.name)


def _dataset(table: Table, path: Path) -> ArrayDataset:
    import torch

    modality = _modality(list(table.columns), path)
    for column in ("label", "text", "id"):
        for number, field in zip(table.rows, table.columns.get(column, ()), strict=False):
            if not field.strip():
                raise DataError(f"row {number} of {path} has no {column}", "fill it in or leave the row out")
    labels = [plain(label.strip()) for label in table.columns["label"]]
    classes = _classes(labels)
    index = {name: position for position, name in enumerate(classes)}
    targets = [index[label] for label in labels]
    ids = _ids(table, path)
    if modality == "text":
        return ArrayDataset(table.columns["text"], targets, ids, classes)
    features = {name: fields for name, fields in table.columns.items() if name not in ("id", "label")}
    values = _numbers(features, table.rows, path)
    return ArrayDataset(torch.tensor(values, dtype=torch.float32).reshape(len(ids), len(features)), targets, ids, classes)


def _content(table: Path, most: int = -1) -> bytes:
    try:
        with open(table, "rb") as file:
            return file.read(most)
    except OSError as error:
        raise DataError(f"cannot read {table}: {error.strerror or error}", "write csv:PATH with a file that is there") from error


def _modality(header: Sequence[str], path: Path) -> Modality:
    if "label" not in header or not set(header) - {"label", "id"}:
        found = f"its columns are: {', '.join(header) or 'none'}"
        needed = "a column 'label', and a column 'text' or columns of numbers"
        raise DataError(f"{path} needs {needed}; {found}", "name the columns in the first row")
    return "text" if "text" in header else "vector"


def _ids(table: Table, path: Path) -> list[str]:
    given = table.columns.get("id")
    if given is None:
        return [f"row-{number}" for number in table.rows]
    rows: dict[str, int] = {}
    for number, field in zip(table.rows, given, strict=True):
        name = field.strip()
        if name in rows:
            raise DataError(f"rows {rows[name]} and {number} of {path} have one id: {name!r}", "give every row an id of its own")
        rows[name] = number
    return list(rows)


def _classes(labels: list[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(label.isascii() and label.removeprefix("-").isdigit() for label in distinct)
    return tuple(sorted(distinct, key=lambda label: (int(label), label)) if whole else sorted(distinct))


def _numbers(features: Mapping[str, Sequence[str]], rows: Sequence[int], path: Path) -> list[list[float]]:
    """A row of numbers for each row."""
    values = [
        [_number(field, number, name, path) for number, field in zip(rows, fields, strict=True)]
        for name, fields in features.items()
    ]
    return [list(row) for row in zip(*values, strict=True)]


def _number(text: str, number: int, column: str, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 3.4028235e38 or "_" in text:
        decimal = "write decimals with a point" if text.strip().replace(",", "").removeprefix("-").isdecimal() else "correct it"
        raise DataError(
            f"row {number} of {path} has {text!r} in column {column!r}, which is no finite number",
            f"{decimal}; a column of texts must be named 'text'",
        )
    return value
