"""Charts of lines, as the text of an SVG file or as a PIL picture. No library that draws is needed for that."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeGuard
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Chart", "Curve", "key_to", "line_chart", "stacked_bars", "unit_chart"]

LEFT, RIGHT, TOP, BOTTOM = 70, 180, 30, 50
"""Pixels of the margins."""
COLOURS = ("#c0392b", "#e67e22", "#2471a3", "#7d3c98", "#229954", "#34495e", "#b7950b", "#e377c2")
GRID, INK = "#dddddd", "#000000"
FONT = 12
ROW = 44
"""Pixels from a bar to the next."""
TICKS = 5
"""Marks on a linear axis, about."""

Point = tuple[float, float]
Values = Sequence[float | None]


class Curve(NamedTuple):
    """A line of a chart: its value number i stands at `first` + i, with a bar from `low` to `high` where it has these.

    What is None has no place and is left out, as is on a logarithmic axis what is not positive.
    """

    values: Values
    low: Values = ()
    high: Values = ()


class _Stroke(NamedTuple):
    points: Sequence[Point]
    colour: str
    width: int = 1


class _Text(NamedTuple):
    place: Point
    text: str
    anchor: str = "start"
    upright: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart of `width` x `height` pixels, drawn either way."""

    width: int
    height: int
    strokes: list[_Stroke] = field(default_factory=list)
    texts: list[_Text] = field(default_factory=list)

    def svg(self) -> str:
        """The text of an SVG file."""
        box = f'viewBox="0 0 {self.width} {self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="{FONT}">'
        lines = [
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}"/>'
            for points, colour, width in self.strokes
        ]
        return "\n".join(
            [head, '<rect width="100%" height="100%" fill="white"/>', *lines, *map(_svg_text, self.texts), "</svg>\n"]
        )

    def inline(self, says: str) -> str:
        """The same within a page of HTML, which gives the colours: strokes have a class, `c0` to `c7` or `grid`.

        `says` is what is read out to who does not see it. Texts are escaped.
        """
        lines = [
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="{_class(colour)}" '
            f'stroke-width="{width}"/>'
            for points, colour, width in self.strokes
        ]
        box = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg {box} role="img" font-size="{FONT}"><title>{escape(says)}</title>'
        return "".join([head, *lines, *map(_svg_text, self.texts), "</svg>"])

    def image(self) -> "Image":
        """A PIL picture, RGB."""
        from PIL import Image, ImageDraw, ImageFont

        picture, font = Image.new("RGB", (self.width, self.height), "white"), ImageFont.load_default(FONT)
        pen = ImageDraw.Draw(picture)
        for points, colour, width in self.strokes:
            pen.line(list(points), fill=colour, width=width)
        for (x, y), text, anchor, upright in self.texts:
            if upright:
                turned = Image.new("RGB", (round(pen.textlength(text, font=font)) + 2, FONT + 6), "white")
                ImageDraw.Draw(turned).text((1, FONT + 1), text, fill=INK, font=font, anchor="ls")
                picture.paste(turned.rotate(90, expand=True), (round(x) - FONT, round(y - turned.width / 2)))
            else:
                pen.text((x, y), text, fill=INK, font=font, anchor={"start": "ls", "middle": "ms", "end": "rs"}[anchor])
        return picture


def line_chart(
    lines: Mapping[str, Curve],
    title: str,
    across: str,
    up: str = "",
    *,
    first: int = 0,
    every: int = 1,
    from_zero: bool = False,
    places: Sequence[str] = (),
    log: bool = False,
    legend: bool = True,
    size: tuple[int, int] = (760, 440),
) -> Chart:
    """Curves over whole numbers from `first`, `every` one apart, with a legend beside them; `across` and `up` name the axes.

    `places` are what stands at these numbers instead of them, such as the names or the sizes of what was tried.

    `log` makes the vertical axis logarithmic, `from_zero` lets a linear one begin at 0; `size` is (width, height) in pixels.
    Without `legend` what each line is must be told beside the chart: number i has the i-th of `COLOURS`.
    """
    width, height = size
    right = RIGHT if legend else 20
    chart = Chart(width, height)
    most = max((len(curve.values) for curve in lines.values()), default=1)
    place: Callable[[float], float] = math.log10 if log else float
    marks = _decades(_shown(lines, log)) if log else _ticks([0.0] * from_zero + _shown(lines, log))
    low, high = place(marks[0]), place(marks[-1])

    def x(i: float) -> float:
        return LEFT + (width - LEFT - right) * i / max(most - 1, 1)

    def y(value: float) -> float:
        return TOP + (height - TOP - BOTTOM) * (high - place(value)) / (high - low)

    bottom, middle = height - BOTTOM, TOP + (height - TOP - BOTTOM) / 2
    chart.texts.extend([_Text((LEFT, TOP - 12), title), _Text((x((most - 1) / 2), height - 12), across, "middle")])
    if up:
        chart.texts.append(_Text((16, middle), up, "middle", upright=True))
    for mark in marks[:: max(1, (len(marks) - 1) // 8)]:
        chart.strokes.append(_Stroke([(LEFT, y(mark)), (width - right, y(mark))], GRID))
        chart.texts.append(_Text((LEFT - 6, y(mark) + 4), f"1e{math.log10(mark):.0f}" if log else f"{mark:.10g}", "end"))
    for i in range(0, most, max(1, (most - 1) // 10)):
        chart.texts.append(_Text((x(i), bottom + 18), places[i] if places else f"{first + every * i:,}", "middle"))
    for number, (name, curve) in enumerate(lines.items()):
        colour, at = COLOURS[number % len(COLOURS)], TOP + 10 + 20 * number
        points = [(x(i), y(value)) for i, value in enumerate(curve.values) if _has_place(value, log)]
        if points:
            chart.strokes.append(_Stroke(points, colour, 2))
        for i, (least, largest) in enumerate(zip(curve.low, curve.high, strict=True)):
            if _has_place(least, log) and _has_place(largest, log):
                chart.strokes.append(_Stroke([(x(i), y(least)), (x(i), y(largest))], colour))
        if legend:
            chart.strokes.append(_Stroke([(width - right + 10, at - 4), (width - right + 30, at - 4)], colour, 2))
            chart.texts.append(_Text((width - right + 36, at), name))
    return chart


def unit_chart(
    curves: Sequence[Sequence[Point]],
    title: str,
    across: str,
    up: str,
    *,
    bars: Sequence[tuple[float, float, float]] = (),
    diagonal: bool = False,
    side: int = 340,
) -> Chart:
    """Curves between 0 and 1 in both directions, number i in the i-th of `COLOURS`; what each is must be told beside the chart.

    `bars` are intervals, (x, low, high), of the first curve; `diagonal` draws the line on which both directions are equal.
    """
    chart, inner = Chart(side, side), side - LEFT - 20

    def at(x: float, y: float) -> Point:
        return LEFT + inner * x, TOP + inner * (1 - y)

    bottom = TOP + inner
    chart.texts.extend([_Text((LEFT, TOP - 12), title), _Text((LEFT + inner / 2, bottom + 38), across, "middle")])
    chart.texts.append(_Text((22, TOP + inner / 2), up, "middle", upright=True))
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        chart.strokes.extend([_Stroke([at(mark, 0), at(mark, 1)], GRID), _Stroke([at(0, mark), at(1, mark)], GRID)])
        chart.texts.append(_Text((at(mark, 0)[0], bottom + 18), f"{mark:g}", "middle"))
        chart.texts.append(_Text((LEFT - 6, at(0, mark)[1] + 4), f"{mark:g}", "end"))
    if diagonal:
        chart.strokes.append(_Stroke([at(0, 0), at(1, 1)], GRID, 2))
    for number, points in enumerate(curves):
        chart.strokes.append(_Stroke([at(x, y) for x, y in points], COLOURS[number % len(COLOURS)], 2))
    for x, low, high in bars:
        chart.strokes.append(_Stroke([at(x, low), at(x, high)], COLOURS[0]))
    return chart


def stacked_bars(bars: Mapping[str, Mapping[str, float]], title: str, across: str, *, width: int = 760) -> Chart:
    """A bar for each name, made of parts one behind the other, with its whole at the end; a legend of the parts is below.

    `across` names the axis, whose numbers are as given, from 0.
    """
    parts = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    colours = {part: COLOURS[number % len(COLOURS)] for number, part in enumerate(parts)}
    left, right, bottom = 20, 90, TOP + ROW * len(bars) + 10
    chart = Chart(width, bottom + 70)
    marks = _ticks([0.0, *(sum(bar.values()) for bar in bars.values())])

    def x(value: float) -> float:
        return left + (width - left - right) * value / marks[-1]

    chart.texts.extend([_Text((left, TOP - 12), title), _Text((x(marks[-1] / 2), bottom + 36), across, "middle")])
    for mark in marks:
        chart.strokes.append(_Stroke([(x(mark), TOP), (x(mark), bottom)], GRID))
        chart.texts.append(_Text((x(mark), bottom + 18), f"{mark:.10g}", "middle"))
    for number, (name, bar) in enumerate(bars.items()):
        at, done = TOP + ROW * number + 32, 0.0
        for part, size in bar.items():
            if size > 0:
                chart.strokes.append(_Stroke([(x(done), at), (x(done + size), at)], colours[part], 16))
            done += size
        chart.texts.extend([_Text((left + 4, at - 12), name), _Text((x(done) + 6, at + 4), f"{done:.4g}")])
    place = left
    for part, colour in colours.items():
        chart.strokes.append(_Stroke([(place, bottom + 55), (place + 16, bottom + 55)], colour, 10))
        chart.texts.append(_Text((place + 22, bottom + 59), part))
        place += 22 + 7 * len(part) + 24
    return chart


def key_to(names: Sequence[str], *, width: int = 760) -> Chart:
    """Which colour of a `line_chart` stands for which name, below each other: for names too long for its legend."""
    chart = Chart(width, 20 * len(names) + 14)
    for number, name in enumerate(names):
        at = 10 + 20 * number
        chart.strokes.append(_Stroke([(20, at), (40, at)], COLOURS[number % len(COLOURS)], 2))
        chart.texts.append(_Text((48, at + 4), name))
    return chart


def _has_place(value: float | None, log: bool) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and (value > 0 or not log)


def _shown(lines: Mapping[str, Curve], log: bool) -> list[float]:
    """All values that have a place, ends of bars among them; without any, the ends of an axis."""
    values = [value for curve in lines.values() for part in curve for value in part]
    return [value for value in values if _has_place(value, log)] or [0.1, 1.0]


def _decades(values: Sequence[float]) -> list[float]:
    """Powers of ten around the values: two at least."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**exponent for exponent in range(low, max(high, low + 1) + 1)]


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers around the values, 1, 2 or 5 times a power of ten apart: two at least."""
    low, high = min(values), max(values)
    rough = (high - low) / TICKS or abs(high) / TICKS or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough * 0.999)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * i for i in range(begin, max(end, begin + 1) + 1)]


def _class(colour: str) -> str:
    """What a page calls a colour."""
    return f"c{COLOURS.index(colour)}" if colour in COLOURS else "grid"


def _svg_text(text: _Text) -> str:
    x, y = text.place
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if text.upright else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{text.anchor}"{turned}>{escape(text.text)}</text>'
