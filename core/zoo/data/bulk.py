"""Columns of a CSV without quotes, read and coded in bulk by Arrow: what millions of rows are exported as."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

FLOAT32_MAX = 3.4028235e38


class Fields(Sequence[str]):
    """A column of texts that lie in Arrow's memory."""

    def __init__(self, arrow: pa.ChunkedArray) -> None:
        self.arrow = arrow

    def __len__(self) -> int:
        return len(self.arrow)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return Fields(self.arrow[index]) if isinstance(index, slice) else str(self.arrow[index].as_py())

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrow.to_numpy().tolist())


def plain_rows(content: bytes, delimiter: str, width: int) -> list[Fields] | None:
    """The columns below the header of a CSV in UTF-8; None where a row may be empty, quoted, of another width or no text, which
    only a look at each tells.
    """
    from pyarrow import csv

    if any(sign in content for sign in (b'"', b"\0")) or content.count(b"\r") != content.count(b"\r\n"):
        return None
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    names = [str(column) for column in range(width)]
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            csv.ReadOptions(column_names=names, skip_rows=1),
            csv.ParseOptions(delimiter=delimiter, quote_char=False),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (pa.ArrowException, OSError):
        return None
    # Arrow passes over empty lines, which have a number for whoever looks for a row.
    return list(map(Fields, table.columns)) if len(table) == lines - 1 and not _any_blank(table.column(0)) else None


def coded(fields: Sequence[str]) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Distinct texts of a column in the order of their first rows, and the place of each row's text among them, int64 [n]."""
    if isinstance(fields, Fields):
        found = fields.arrow.combine_chunks().dictionary_encode()
        return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(field, len(places)) for field in fields), np.int64, len(fields))
    return codes, list(places)


def as_numbers(fields: Sequence[str]) -> np.ndarray[Any, Any] | None:
    """A column of texts as finite numbers float32 [n]; None where one may be none, which only a look at each tells."""
    if not isinstance(fields, Fields):
        return None
    import pyarrow.compute as pc

    try:
        values = pc.cast(fields.arrow, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    most = float(np.abs(values).max(initial=0.0))
    return values.astype(np.float32) if math.isfinite(most) and most <= FLOAT32_MAX else None


def _any_blank(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0)).as_py())
