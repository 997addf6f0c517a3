"""The style of all output: coloured and aligned on a terminal, plain in a pipe, JSON on request."""

import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
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


def note(text: str) -> None:
    """A line beside the result: a warning, an error, where to look next. Goes to stderr."""
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """The result as JSON, exactly; a number that JSON does not have (NaN, infinity) is null."""
    try:
        say(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
    except ValueError:
        say(json.dumps(_finite(value), indent=2, ensure_ascii=False))


def print_list(header: Sequence[str], rows: Sequence[Sequence[str]], cut: Sequence[str] = ()) -> None:
    """A list: aligned under a header, one line an entry, on a terminal; in a pipe tab-separated whole values, no header.

    `cut` names the columns to cut, the widest first, where the terminal is too narrow: by default the last.
    """
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(" ".join(cell.split()) for cell in row))
    elif rows:
        widths = _widths(header, rows)
        room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1)
        may_cut = [header.index(name) for name in cut or header[-1:]]
        while sum(widths) > room and max(widths[column] for column in may_cut) > NARROW:
            widths[max(may_cut, key=widths.__getitem__)] -= 1
        _print_rows(header, rows, widths)


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


def counted(count: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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
    if _length(cell) > width:
        return click.unstyle(cell)[: width - 1] + ELLIPSIS
    space = " " * (width - _length(cell))
    return space + cell if right else cell + space


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
