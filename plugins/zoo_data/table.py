"""csv:PATH: the user's own texts or vectors, a row per sample."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from zoo.data import ArrayDataset, DataFiles
from zoo.errors import DataError
from zoo.specs import DatasetSpec, Modality
from zoo_data.reading import decoded

LONGEST_FIELD = 1 << 24
"""Characters of a field; Python's own limit of 131,072 is too little for documents."""


def table_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `csv:PATH`; only the header is read.

    With columns `text` and `label` the samples are texts, and other columns are passed over; with `label` but no `text`
    they are vectors of all other columns, which must be numbers. A column `id` names the samples. The one split is `test`.
    """
    table = Path(path).expanduser().absolute()
    with _opened(table) as file:
        head = file.readline()
    header = next(iter(_rows(decoded(head, table), table)), (1, []))[1]
    return DatasetSpec(
        name=name,
        summary=f"Rows of {path}.",
        modality=_modality(header, table),
        target="zoo_data.table:open_table",
        splits={"test": None},
        licence="The user's own.",
        citation="The user's own.",
        path=str(table),
    )


def open_table(files: DataFiles, split: str) -> ArrayDataset:
    """Texts, or vectors float32 [d]. Classes are the labels, sorted, as numbers where all are whole numbers.

    Ids are those of the column `id`, else `row-N` with the number of the row as a spreadsheet shows it: the header is row 1.
    """
    import torch

    table = Path(files.spec.path or "")
    with _opened(table) as file:
        rows = _rows(decoded(file.read(), table), table)
        _, header = next(rows, (1, []))
        modality = _modality(header, table)
        body = [(number, _checked(number, row, header, table)) for number, row in rows]
    labels = [row["label"] for _, row in body]
    classes = _classes(labels)
    index = {name: position for position, name in enumerate(classes)}
    ids = _ids(body, table)
    targets = [index[label] for label in labels]
    if modality == "text":
        return ArrayDataset([row["text"] for _, row in body], targets, ids, classes)
    columns = [column for column in header if column not in ("id", "label")]
    values = [[_number(row[column], number, column, table) for column in columns] for number, row in body]
    return ArrayDataset(torch.tensor(values, dtype=torch.float32).reshape(-1, len(columns)), targets, ids, classes)


def _opened(table: Path) -> io.BufferedReader:
    try:
        return open(table, "rb")
    except OSError as error:
        raise DataError(f"cannot read {table}: {error.strerror or error}", "write csv:PATH with a file that is there") from error


def _rows(content: str, table: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each row; quotes as RFC 4180 has them, tabs for commas in a `.tsv`. Raises DataError."""
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    before = csv.field_size_limit(LONGEST_FIELD)
    number = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True), 1):
            yield number, row
    except csv.Error as error:
        raise DataError(
            f"row {number + 1} of {table} cannot be read: {error}", 'write a quote within a quoted field twice: ""'
        ) from error
    finally:
        csv.field_size_limit(before)


def _modality(header: list[str], table: Path) -> Modality:
    found = f"its columns are: {', '.join(header) or 'none'}"
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and sign in header[0]:
            advice = "save it with commas" + (", or name it .tsv" if sign == "\t" else "")
            raise DataError(f"{table} separates its columns with {name}, not commas", advice)
    if len(set(header)) != len(header):
        raise DataError(f"{table} has two columns of one name", found)
    if "label" not in header or not set(header) - {"label", "id"}:
        needed = "a column 'label', and a column 'text' or columns of numbers"
        raise DataError(f"{table} needs {needed}; {found}", "name the columns in the first row")
    return "text" if "text" in header else "vector"


def _checked(number: int, row: list[str], header: list[str], table: Path) -> dict[str, str]:
    if not any(field.strip() for field in row):
        raise DataError(f"row {number} of {table} is empty", "remove it")
    if len(row) != len(header):
        raise DataError(f"row {number} of {table} has {len(row)} fields, the header {len(header)}", "quote fields with commas")
    fields = dict(zip(header, row, strict=True))
    for column in ("label", "text", "id"):
        if column in fields and not fields[column].strip():
            raise DataError(f"row {number} of {table} has no {column}", "fill it in or remove the row")
    return fields


def _ids(body: list[tuple[int, dict[str, str]]], table: Path) -> list[str]:
    rows: dict[str, int] = {}
    for number, row in body:
        name = row.get("id", f"row-{number}")
        if name in rows:
            raise DataError(f"rows {rows[name]} and {number} of {table} have one id: {name!r}", "give every row an id of its own")
        rows[name] = number
    return list(rows)


def _classes(labels: list[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(label.isascii() and label.removeprefix("-").isdigit() for label in distinct)
    return tuple(sorted(distinct, key=lambda label: (int(label), label)) if whole else sorted(distinct))


def _number(text: str, number: int, column: str, table: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 3.4028235e38 or "_" in text:
        raise DataError(
            f"row {number} of {table} has {text!r} in column {column!r}, which is no finite number",
            "correct it; a column of texts must be named 'text'",
        )
    return value
