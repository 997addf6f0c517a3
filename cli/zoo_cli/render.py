"""The style of all output: coloured and aligned on a terminal, plain in a pipe, JSON on request."""

import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

ELLIPSIS = "…"
NARROW = 8
"""Characters of a column that are not cut, however narrow the terminal."""


def is_rich(stream: TextIO) -> bool:
    """Whether a person with colours looks at the stream: a terminal, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, stream: TextIO | None = None, **style: Any) -> str:
    """Text in colour where the stream (standard output) shows it."""
    return click.style(text, **style) if is_rich(stream or sys.stdout) else text


def say(text: str = "") -> None:
    """A line of the result."""
    print(text)


def say_wrapped(text: str, indent: str = "") -> None:
    """A line of the result that wraps on a terminal, further lines four spaces in."""
    first, *others = _wrapped([text], len(indent) + 4)
    say(indent + first)
    for other in others:
        say(f"{indent}    {other}")


def note(text: str) -> None:
    """A line beside the result: a warning, an error, where to look next. Goes to stderr."""
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """The result as JSON, exactly; a number that JSON does not have (NaN, infinity) is null."""
    try:
        say(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
    except ValueError:
        say(json.dumps(_finite(value), indent=2, ensure_ascii=False))


def print_list(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, drop: Sequence[str] = (), cut: Sequence[str] = (), tail: str = ""
) -> None:
    """A list: aligned under a header, one line an entry, on a terminal; in a pipe tab-separated whole values, no header.

    Where the terminal is too narrow, columns of `drop` are left out, and those of `cut` are cut, each in this order and as
    little as will do; by default the last column is cut. The column `tail` is cut at its beginning.
    """
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(" ".join(cell.split()) for cell in row))
    elif rows:
        columns, widths = list(range(len(header))), _widths(header, rows)

        def excess() -> int:
            return sum(widths[column] + 2 for column in columns) - 2 - shutil.get_terminal_size().columns

        for column in map(header.index, drop):
            if excess() > 0:
                columns.remove(column)
        for column in map(header.index, cut or header[-1:]):
            widths[column] -= max(0, min(excess(), widths[column] - NARROW))
        table = [[_shortened(row[c], widths[c], at_start=header[c] == tail) for c in columns] for row in (header, *rows)]
        _print_rows(table[0], table[1:], [widths[column] for column in columns])


def print_row(header: Sequence[str], row: Sequence[str], widths: Sequence[int], *, first: bool) -> None:
    """A row of a list that grows while somebody waits, shown at once; with the header before the `first`, on a terminal.

    `widths` are those of the first columns, as far as they are known; others are as wide as their header.
    """
    if sys.stdout.isatty():
        whole = [*widths, *map(len, header[len(widths) :])]
        for cells, dim in [(header, True)] * first + [(row, False)]:
            line = "  ".join(_pad(cell, width, right=False) for cell, width in zip(cells, whole, strict=True)).rstrip()
            say(styled(line, dim=True) if dim else line)
    else:
        say("\t".join(" ".join(cell.split()) for cell in row))
    sys.stdout.flush()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: str = "  ") -> None:
    """An aligned table, whole wherever it goes. `right` names the columns of numbers."""
    _print_rows(header, rows, _widths(header, rows), right, indent)


def print_fields(fields: Sequence[tuple[str, str]], indent: str = "  ") -> None:
    """Labels and values, one a line; lines of a value are aligned and wrap on a terminal, an empty value is left out."""
    shown = [(label, value) for label, value in fields if value]
    width = max((len(label) for label, _ in shown), default=0) + 2
    for label, value in shown:
        first, *others = _wrapped(value.splitlines(), len(indent) + width)
        say(f"{indent}{styled(f'{label:{width}}', dim=True)}{first}")
        for other in others:
            say(f"{indent}{'':{width}}{other}")


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A score with as many digits as its interval deserves, and four decimals at least where it is below 10."""
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    return f"{value:,.{_decimals(value, low, high)}f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`[0.9897, 0.9933]` with the digits of the value, or empty where there is none."""
    if value is None or low is None or high is None:
        return ""
    decimals = _decimals(value, low, high)
    return f"[{low:,.{decimals}f}, {high:,.{decimals}f}]"


def pairs(values: Mapping[str, Any]) -> str:
    """`norm=linf, eps=0.3`: settings with numbers as they were meant, not as float32 holds them."""
    return ", ".join(f"{key}={f'{value:.6g}' if isinstance(value, float) else value}" for key, value in values.items())


def counted(count: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """`8.43 ms`, `310 ms`, `3.11 s`."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def size_of(count: int | None) -> str:
    """Bytes in decimal units: `9.9 MB`."""
    if count is None:
        return "?"
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def _decimals(value: float, low: float | None, high: float | None) -> int:
    before = len(str(int(abs(value))))
    enough = max(1, 5 - before)
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    return min(9, max(enough, 1 - math.floor(math.log10(half)))) if half > 1e-6 * abs(value) else enough


def _wrapped(lines: list[str], before: int) -> list[str]:
    if not sys.stdout.isatty():
        return lines
    room = max(20, shutil.get_terminal_size().columns - before)
    return [part for line in lines for part in textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]]


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(_length, column)) for column in zip(header, *rows, strict=True)]


def _print_rows(
    header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[int] = (), indent: str = ""
) -> None:
    for position, row in enumerate([header, *rows]):
        line = "  ".join(_pad(cell, widths[column], column in right) for column, cell in enumerate(row)).rstrip()
        say(indent + (line if position else styled(line, dim=True)))


def _length(cell: str) -> int:
    return len(click.unstyle(cell))


def _pad(cell: str, width: int, right: bool) -> str:
    space = " " * (width - _length(cell))
    return space + cell if right else cell + space


def _shortened(cell: str, width: int, at_start: bool) -> str:
    if _length(cell) <= width:
        return cell
    text = click.unstyle(cell)
    return ELLIPSIS + text[len(text) - width + 1 :] if at_start else text[: width - 1] + ELLIPSIS


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
