"""Tables that people write: CSV as spreadsheets, pandas and editors save it, and Parquet."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.bulk import plain_rows
from zoo.data.pointers import pointer_problem
from zoo.data.texts import decoded
from zoo.errors import DataError, ZooError

LONGEST_FIELD = 1 << 24
"""Characters of a field; Python's own limit of 131,072 is too little for documents."""
DELIMITERS = ",;\t"
KNOWN = ("id", "label", "text")
"""Names of columns that are known in any case, such as `ID` and `Label`."""
_INDEX = re.compile(r"|Unnamed: \d+|index|level_0")
"""What pandas calls the column of its index, once written and once read and written again."""


class TableError(DataError):
    """A file that is no table, or one with a row or a column that cannot be."""


@dataclass(frozen=True)
class Table:
    """Columns by name, all of one length, and the number of each row as a spreadsheet shows it: the header is row 1.

    Names are stripped and those of KNOWN are in lower case; fields are as they stand in the file, `str` of a CSV.
    `passed_over` are columns that are left out: without a name, or the index that pandas writes.
    """

    columns: Mapping[str, Sequence[Any]]
    rows: Sequence[int]
    passed_over: tuple[str, ...] = ()


def read_table(content: bytes, suffix: str, path: Path | None = None) -> Table:
    """The table that a file holds: Parquet by its suffix, else CSV. `path` is for messages.

    Commas, semicolons or tabs separate the fields of a CSV, whichever the header has most of; a blank after each of them is
    no part of a field. Quotes are as RFC 4180 has them, so a field may hold line ends. Rows without any content are passed
    over. Raises TableError, or EncodingError where it is not UTF-8.
    """
    return _from_parquet(content) if suffix == ".parquet" else _from_csv(content, suffix, path)


def read_header(beginning: bytes, suffix: str, path: Path | None = None) -> list[str]:
    """The names of the columns of a CSV, of which only the beginning needs to be there. Raises what `read_table` does."""
    text = decoded(beginning[: beginning.rfind(b"\n") + 1] or beginning, path)
    header = next((fields for _, fields in _records(text, _dialect(text, suffix), path)), [])
    return [name for name in _renamed(header) if not _INDEX.fullmatch(name)]


def _of(path: Path | None) -> str:
    return f" of {path}" if path is not None else ""


def _from_csv(content: bytes, suffix: str, path: Path | None) -> Table:
    header, columns, rows = _in_bulk(content, suffix) or _by_row(decoded(content, path), suffix, path)
    kept = [column for column, name in enumerate(header) if not _is_index(name, columns[column])]
    names = [header[column] for column in kept]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(f"two columns{_of(path)} have one name: {twice!r}", "give each column a name of its own")
    over = [name or "without a name" for column, name in enumerate(header) if column not in kept and any(columns[column])]
    return Table({header[column]: columns[column] for column in kept}, rows, tuple(over))


Parts = tuple[list[str], Sequence[Sequence[str]], Sequence[int]]
"""Names and fields of the columns, and the number of each row."""


def _in_bulk(content: bytes, suffix: str) -> Parts | None:
    """A CSV without anything odd; None of any other."""
    with suppress(ZooError):
        first = decoded(content[: content.find(b"\n") + 1])
        dialect = _dialect(first, suffix)
        header = _renamed(next(_records(first, dialect, None), (0, []))[1])
        if header and not dialect["skipinitialspace"] and (columns := plain_rows(content, dialect["delimiter"], len(header))):
            return header, columns, range(2, len(columns[0]) + 2)
    return None


def _by_row(text: str, suffix: str, path: Path | None) -> Parts:
    """Any CSV. Raises TableError for one that is none, or has a row of another width than its header."""
    what = str(path) if path is not None else "the file"
    if "\0" in text:
        raise TableError(f"{what} holds zero bytes, so it is no CSV", "save it as CSV")
    records = list(_records(text, _dialect(text, suffix), path))
    if not records:
        raise TableError(f"{what} has no header", "name the columns in the first row")
    header, body = _renamed(records[0][1]), records[1:]
    for number, fields in body:
        if len(fields) != len(header):
            raise TableError(
                f"row {number}{_of(path)} has {len(fields)} fields, the header {len(header)}",
                "quote fields that hold what separates them",
            )
    columns = [[fields[column] for _, fields in body] for column in range(len(header))]
    return header, columns, [number for number, _ in body]


def _is_index(name: str, fields: Sequence[str]) -> bool:
    """Whether a column is no data: without a name of its own, or called `index` and counting the rows from 0."""
    if not _INDEX.fullmatch(name):
        return False
    return name not in ("index", "level_0") or list(fields) == [str(row) for row in range(len(fields))]


def _dialect(text: str, suffix: str) -> dict[str, Any]:
    """What separates fields, by the header: of those that split it in most, the first; in a `.tsv` tabs come first."""
    head = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    order = "\t,;" if suffix.lower() == ".tsv" else DELIMITERS
    with _long_fields():
        headers = {sign: next(csv.reader([head], delimiter=sign), []) for sign in order}
    sign = max(order, key=lambda sign: len(headers[sign]))
    spaced = len(headers[sign]) > 1 and all(name.startswith(" ") for name in headers[sign][1:])
    return {"delimiter": sign, "skipinitialspace": spaced, "strict": True}


def _records(text: str, dialect: Mapping[str, Any], path: Path | None) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of every row with any content. Raises TableError."""
    number = 0
    with _long_fields():
        try:
            for number, fields in enumerate(csv.reader(io.StringIO(text, newline=""), **dialect), 1):
                if any(field.strip() for field in fields):
                    yield number, fields
        except csv.Error as error:
            raise TableError(
                f"row {number + 1}{_of(path)} is no CSV: {error}", 'write a quote within a quoted field twice: ""'
            ) from error


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _renamed(header: Sequence[str]) -> list[str]:
    """Names stripped, and `ID`, `Label` and `Text` in lower case where no other column has that name."""
    names = [name.strip() for name in header]
    lower = [name.lower() for name in names]
    return [low if low in KNOWN and lower.count(low) == 1 else name for name, low in zip(names, lower, strict=True)]


def _from_parquet(content: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if pointer := pointer_problem(content):
        raise TableError(*pointer)
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TableError(f"this is no Parquet file: {reason[:200]}", "write it anew") from error
    names = _renamed(table.column_names)
    if len(set(names)) != len(names):
        raise TableError("two columns have one name", "give each column a name of its own")
    columns = {name: table.column(position).to_pylist() for position, name in enumerate(names)}
    return Table(columns, range(2, table.num_rows + 2))
