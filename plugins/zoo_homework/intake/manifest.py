"""A manifest: the instructor's own CSV of who handed in which file, and when."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError

HINT = "write a CSV with columns student, file and, if wanted, submitted; the first row names the columns"


class Row(NamedTuple):
    """One attempt. `path` is None where nothing was handed in, and `submitted` where the file's own time is to be taken."""

    student: str
    file: str
    path: Path | None
    submitted: datetime | None


def read_manifest(manifest: Path) -> Iterator[Row]:
    """Its rows; files are relative to it. Raises DataError, with the row, for what cannot be understood."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
        head, *rows = _cells(text)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read the manifest {manifest}: {error}", HINT) from error
    columns = [name.casefold() for name in head[1]]
    if not rows or not {"student", "file"} <= set(columns):
        raise DataError(f"{manifest} has no rows with columns student and file", HINT)
    for number, cells in rows:
        where = f"row {number} of {manifest}"
        if len(cells) > len(columns):
            raise DataError(f"{where} has {len(cells)} fields, the first row {len(columns)}", "quote what holds a separator")
        row = {**dict.fromkeys(columns, ""), **dict(zip(columns, cells, strict=False))}
        if not row["student"]:
            raise DataError(f"{where} names no student", "fill it in or remove the row")
        if "\0" in row["file"]:
            raise DataError(f"{where}: {row['file']!r} is no path", "write where the file is")
        path = manifest.parent / row["file"] if row["file"] else None
        yield Row(row["student"], row["file"], path, _when(row.get("submitted", ""), where))


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """Rows that hold something, each with the line where it ends; separated by what separates the names of the columns."""
    head = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    return [(number, row) for number, row in rows if any(row)] or [(1, [])]


def _when(text: str, where: str) -> datetime | None:
    """A time without an offset is this machine's."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError, OSError) as error:
        raise DataError(f"{where}: {text!r} is no time", "write it as 2026-11-24T18:00:00+01:00") from error
