"""What a report is made of, before it is HTML: sections of tables, figures and words; and how texts and numbers are written.

All texts are plain: the page escapes them. `visible` shows what would hide or turn text around.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup

from zoo.charts import Chart

KEPT = "\n\t\u200c\u200d"
"""Signs of no width or shape that texts need: ends of lines, and what joins letters, or not."""
INVISIBLE = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
"""Unicode categories of control characters, of those that turn the direction of writing, and the like."""


class Shaded(NamedTuple):
    """A cell of a table whose ground is the darker, the larger `depth` is: 0 to 9."""

    text: str
    depth: int


Cell = str | Shaded | Markup


class Table(NamedTuple):
    """Rows under headed columns; the first cell of a row is its heading. `numbers`: all other cells are, and stand right."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: bool = False
    folded: bool = False


class Heading(NamedTuple):
    """Of which run what follows is."""

    text: str


class Figure(NamedTuple):
    """A chart; `says` tells what it shows to who does not see it. The legend's names are in the order of the chart's colours."""

    chart: Chart
    says: str
    legend: Sequence[str] = ()

    @property
    def svg(self) -> Markup:
        return Markup(visible(self.chart.inline(self.says)))


Block = Table | Figure | Heading | str


@dataclass
class Section:
    """A part of the page, with its heading."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """What links to it."""
        return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in self.title.lower())


def visible(text: str) -> str:
    """The text with signs that nobody would see, or that turn others around, written out: `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign if sign in KEPT or unicodedata.category(sign) not in INVISIBLE else f"\\u{ord(sign):04x}" for sign in text
    )


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A value with as many decimals as leave its interval's half two figures; four figures where there is none."""
    if value is None or not math.isfinite(value):
        return "–" if value is None else str(value)
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    if half > 0:
        return f"{value:,.{min(6, max(0, 1 - math.floor(math.log10(half))))}f}"
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}"
    magnitude = math.floor(math.log10(abs(value)))
    return f"{value:.4g}" if magnitude < -4 else f"{value:,.{max(0, 3 - magnitude)}f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.982 to 0.991`; empty where there is none."""
    if low is None or high is None:
        return ""
    written = [number(end, low, high) for end in (low, high)]
    return f"{written[0]} to {written[1]}"
