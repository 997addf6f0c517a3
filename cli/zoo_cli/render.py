"""The style of all output: coloured and aligned on a terminal, plain in a pipe, JSON on request."""

import json
import math
import os
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any, TextIO

import click

from zoo.units import size_of
from zoo.wording import counted, encodable, harmless, harmless_json, interval, number, pairs, without_secrets
from zoo_cli.columns import CSI, OWN, RESET, coloured, flowed, laid_out, length, terminal_width, widths_of, wrapped
from zoo_cli.outlet import own_output

__all__ = [
    "counted",
    "duration",
    "interval",
    "note",
    "number",
    "pairs",
    "print_fields",
    "print_json",
    "print_list",
    "print_row",
    "print_table",
    "say",
    "say_wrapped",
    "size_of",
    "styled",
    "write",
]
_COLOUR = re.compile(rf"{re.escape(OWN)}[0-9;]*m")


def is_rich(stream: TextIO) -> bool:
    """Whether a person with colours looks at the stream: a terminal, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, stream: TextIO | None = None, **style: Any) -> str:
    """Text in colour where the stream (standard output) shows it."""
    return coloured(_escaped(text), **style) if is_rich(stream or sys.stdout) else text


def say(text: str = "") -> None:
    """A line of the result. Of escape sequences only our own colours reach the terminal."""
    print(_tamed(text, sys.stdout), file=own_output())


def write(text: str) -> None:
    """Text of the result as it is, such as a file's; a terminal is spared what would steer it, and UTF-8 what it cannot hold."""
    own_output().write(harmless(text) if sys.stdout.isatty() else encodable(text))


def say_wrapped(text: str, indent: str = "", *, hang: int = 4) -> None:
    """A line of the result that wraps on a terminal, further lines `hang` spaces in."""
    for line in _folded(text, indent, hang, sys.stdout):
        say(line)


def note(text: str) -> None:
    """A line beside the result: a warning, an error, where to look next. Goes to stderr, and wraps on a terminal."""
    for line in _folded(text, "", 7, sys.stderr):
        print(_tamed(line, sys.stderr), file=sys.stderr)


def _folded(text: str, indent: str, hang: int, stream: TextIO) -> list[str]:
    """The lines of a text on a terminal, in its colours; the text as it is in a pipe."""
    if not stream.isatty() or "\n" in text:
        return [indent + text]
    text = _escaped(text).replace("\t", " ")
    plain = click.unstyle(text)
    first, *others = wrapped(plain, terminal_width() - len(indent) - hang)
    coloured = _coloured([first, *others], plain, text) if plain != text else [first, *others]
    return [f"{indent}{coloured[0]}", *(f"{indent}{'':{hang}}{other}" for other in coloured[1:])]


def _coloured(lines: Sequence[str], plain: str, text: str) -> list[str]:
    """The lines into which a plain text was wrapped, in the colours of the text."""
    styles, style = [], ""
    for piece in re.split(f"({_COLOUR.pattern})", text):
        if _COLOUR.fullmatch(piece):
            style = "" if piece == RESET else style + piece
        else:
            styles += [style] * len(piece)
    place, told = 0, []
    for line in lines:
        cells = []
        for sign in line:
            while plain[place] != sign:  # a blank at which it was wrapped
                place += 1
            cells.append((styles[place], sign))
            place += 1
        runs = [(style, "".join(sign for _, sign in run)) for style, run in groupby(cells, lambda cell: cell[0])]
        told.append("".join(f"{style}{run}{RESET}" if style else run for style, run in runs))
    return told


def _tamed(text: str, stream: TextIO) -> str:
    """A line as it may reach a stream: our colours where it shows them, no other escape sequence or control character."""
    text = without_secrets(text)
    return _escaped(text).replace(OWN, CSI) if is_rich(stream) else harmless(text)


def _escaped(text: str) -> str:
    """A text with all that would steer a terminal escaped, but for colours of our own."""
    pieces, colours = _COLOUR.split(text), [*_COLOUR.findall(text), ""]
    return "".join(harmless(piece) + colour for piece, colour in zip(pieces, colours, strict=True))


def print_json(value: Any) -> None:
    """The result as JSON, exactly; a number that JSON does not have (NaN, infinity) is null."""
    try:
        document = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        document = json.dumps(_finite(value), indent=2, ensure_ascii=False)
    print(harmless_json(document), file=own_output())


def print_list(header: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: Sequence[str] = ()) -> None:
    """A list: aligned under a header on a terminal; in a pipe tab-separated whole values, one line an entry, no header.

    Where the terminal is too narrow, columns of `wrap` are wrapped at blanks, in this order, or stand below their row; by
    default those but the first, from the last one on.
    """
    rows = [[_one_line(_escaped(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(row))
    elif rows:
        order = list(map(header.index, wrap)) if wrap else list(range(len(header) - 1, 0, -1))
        _print_lines(laid_out(header, rows, terminal_width(), wrap=order))


def print_row(header: Sequence[str], row: Sequence[str], widths: Sequence[int], *, first: bool) -> None:
    """A row of a list that grows while somebody waits, shown at once; with the header before the `first`, on a terminal.

    `widths` are those of the first columns, as far as they are known; others are as wide as their header. On a terminal that is
    too narrow for them, what does not fit goes on below, and there is no header.
    """
    row = list(map(_escaped, row))
    if not sys.stdout.isatty():
        say("\t".join(map(_one_line, row)))
    elif sum(widths) + 2 * len(widths) + sum(map(length, row[len(widths) :])) > terminal_width():
        whose, *rest = flowed(row, terminal_width() - 4)
        for line in (whose, *(f"    {line}" for line in rest)):
            say(line)
    else:
        whole = [*widths, *map(len, header[len(widths) :])]
        for cells, dim in [(header, True)] * first + [(row, False)]:
            line = "  ".join(cell + " " * (width - length(cell)) for cell, width in zip(cells, whole, strict=True)).rstrip()
            say(styled(line, dim=True) if dim else line)
    sys.stdout.flush()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: str = "  ") -> None:
    """An aligned table, also in a pipe. `right` names the columns of numbers. Where a terminal is too narrow, it is wrapped."""
    rows = [list(map(_escaped, row)) for row in rows]
    width = terminal_width() if sys.stdout.isatty() else sum(widths_of(header, rows)) + len(indent) + 2 * len(header)
    order = list(range(len(header) - 1, 0, -1))
    _print_lines(laid_out(header, rows, width, right=right, wrap=order, indent=indent))


def _one_line(cell: str) -> str:
    return " ".join(cell.split()) if "\n" in cell or "\t" in cell or not sys.stdout.isatty() else cell


def _print_lines(lines: Sequence[str]) -> None:
    """Lines of a table, whose header is dim where there are colours."""
    for line in lines:
        say(line if is_rich(sys.stdout) else click.unstyle(line))


def print_fields(fields: Sequence[tuple[str, str]], indent: str = "  ") -> None:
    """Labels and values, one a line; lines of a value are aligned and wrap on a terminal, an empty value is left out."""
    shown = [(label, value) for label, value in fields if value]
    width = max((len(label) for label, _ in shown), default=0) + 2
    for label, value in shown:
        first, *others = _wrapped(value.splitlines(), len(indent) + width)
        say(f"{indent}{styled(f'{label:{width}}', dim=True)}{first}")
        for other in others:
            say(f"{indent}{'':{width}}{other}")


def duration(seconds: float) -> str:
    """`8.43 ms`, `310 ms`, `3.11 s`."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _wrapped(lines: list[str], before: int) -> list[str]:
    if not sys.stdout.isatty():
        return lines
    return [part for line in lines for part in wrapped(line, max(20, terminal_width() - before))]


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
