"""Lists and tables on a terminal of any width: no word is cut, so that what is shown can be copied.

What does not fit beside the rest is wrapped at blanks within its column; where even that has no room, below its row.
"""

import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click

CSI = "\x1b["
OWN = f"{CSI}{int.from_bytes(os.urandom(6))};"
"""How colours begin until they are printed: so those of a stranger's text are told apart from ours, and escaped."""
RESET = f"{OWN}0m"
GAP = 2
"""Blanks between columns."""
READABLE = 24
"""Characters that a column has at least where its text is wrapped, unless all its text is shorter."""
BRIEF = 6
"""Characters of a cell that says nothing without its header, such as `yes`; nor does a figure, named in small letters."""
BELOW = 4
"""Blanks before what stands below its row."""

Row = Sequence[str]
_CLAUSE = re.compile(r"\bzoo [a-z](?:(?![;,?](?:\s|$)|: ).)*")
"""A command within prose, up to the end of its clause."""
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_TOGETHER = "\u00a0"


def coloured(text: str, **style: Any) -> str:
    """Text in a colour of ours, as `render` prints it."""
    return f"{click.style('', reset=False, **style).replace(CSI, OWN)}{text}{RESET}"


def terminal_width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns


def length(cell: str) -> int:
    """Characters that a cell takes on a terminal, its colours apart."""
    return len(click.unstyle(cell))


def widths_of(header: Row, rows: Sequence[Row]) -> list[int]:
    """How wide each column is."""
    return [max(map(length, column)) for column in zip(header, *rows, strict=True)]


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many characters, unless a word is longer; one at least.

    A command within a sentence stays on one line where it fits on one; a line that is a command goes on behind a backslash, so
    that it can be copied whole.
    """
    if len(text) > width and _is_command(text):
        return list(_continued(text, width))

    def kept(found: re.Match[str]) -> str:
        return found[0].replace(" ", _TOGETHER) if len(found[0]) <= width else found[0]

    lines = textwrap.wrap(_CLAUSE.sub(kept, text), max(1, width), break_long_words=False, break_on_hyphens=False)
    return [line.replace(_TOGETHER, " ") for line in lines] or [""]


def _is_command(text: str) -> bool:
    """Whether a line is a command and no sentence: all behind its first words are options, values of them, or names."""
    words = _WORD.findall(text)
    behind = zip(words[3:], words[2:], strict=False)
    return words[:1] == ["zoo"] and all(before.startswith("-") or word.isupper() or not word.isalpha() for word, before in behind)


def _continued(text: str, width: int) -> Iterator[str]:
    """The lines of a command, which goes on behind a backslash; what stands between quotes is not cut."""
    line = ""
    for word in _WORD.findall(text):
        if line and len(line) + len(word) + len(" ") * 2 + 1 > width:
            yield line + " \\"
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def laid_out(
    header: Row, rows: Sequence[Row], width: int, *, right: Sequence[int] = (), wrap: Sequence[int] = (), indent: str = ""
) -> list[str]:
    """Lines of an aligned table within the width, the header first.

    Of a table that is too wide the columns of `wrap` are wrapped, the last one first, each as little as will do; where that is
    not enough, they stand below their row, from the last one on. `right` are the columns of numbers.
    """
    room = width - len(indent)
    widths = widths_of(header, rows)
    beside = list(range(len(header)))
    for column in wrap:
        widths[column] -= max(0, min(_excess(widths, beside, room), widths[column] - _least(header, rows, column)))
    below: list[int] = []
    for column in wrap:
        if _excess(widths, beside, room) > 0 and len(beside) > 1:
            beside.remove(column)
            below.insert(0, column)
    for column in [c for c in reversed(beside) if below and c in wrap]:  # room that is free now goes to those that are beside
        widths[column] = min(widths_of(header, rows)[column], widths[column] - _excess(widths, beside, room))
    lines = _lines(header, beside, widths, right)
    told = [coloured(indent + line, dim=True) for line in lines]
    for row in rows:
        told += [indent + line for line in _lines(row, beside, widths, right)]
        told += [f"{indent}{'':{BELOW}}{line}" for line in flowed([_named(header[c], row[c]) for c in below], room - BELOW)]
    return told


def _named(header: str, cell: str) -> str:
    """A cell below its row, behind its header where it would not speak for itself. Empty where it says nothing."""
    if cell == "-" or not cell:
        return ""
    speaks = not header or (header.isupper() and length(cell) > BRIEF)
    return cell if speaks else f"{header.lower()} {cell}"


def flowed(cells: Sequence[str], width: int) -> list[str]:
    """Cells one behind the other, as many on a line as fit; empty ones are left out."""
    lines: list[str] = []
    for cell in filter(None, cells):
        if lines and length(lines[-1]) + GAP + length(cell) <= width:
            lines[-1] += " " * GAP + cell
        else:
            lines += _whole(cell, width)
    return lines


def _excess(widths: Sequence[int], columns: Sequence[int], room: int) -> int:
    return sum(widths[column] + GAP for column in columns) - GAP - room


def _least(header: Row, rows: Sequence[Row], column: int) -> int:
    """How narrow a column may become: as its longest word, and so that it can still be read."""
    cells = [click.unstyle(row[column]) for row in (header, *rows)]
    return max(min(READABLE, max(map(len, cells))), *(len(word) for cell in cells for word in cell.split() or [""]))


def _lines(row: Row, columns: Sequence[int], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    """The lines of a row: as many as its longest cell has."""
    cells = [_whole(row[column], widths[column]) for column in columns]
    return [
        (" " * GAP)
        .join(
            _padded(cell[line] if line < len(cell) else "", widths[column], column in right)
            for column, cell in zip(columns, cells, strict=True)
        )
        .rstrip()
        for line in range(max(map(len, cells)))
    ]


def _whole(cell: str, width: int) -> list[str]:
    """A cell as it is where there is room; else wrapped, each line in the cell's colour."""
    if length(cell) <= width:
        return [cell]
    text = click.unstyle(cell)
    before, _, after = cell.partition(text) if text and text in cell else ("", "", "")
    return [f"{before}{line}{after}" for line in wrapped(text, width)]


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - length(cell))
    return space + cell if right else cell + space
