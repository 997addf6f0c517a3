"""A chart of lines as an SVG file, its vertical axis logarithmic. No library that draws is needed for that."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 70, 180, 30, 50
"""Pixels: of the picture, and of its margins."""
COLOURS = ("#c0392b", "#e67e22", "#2471a3", "#7d3c98", "#229954", "#34495e")


def line_chart(lines: Mapping[str, Sequence[float]], title: str, across: str, up: str) -> str:
    """The SVG text. A line's value number t stands at t; a value that is not positive has no place and is left out."""
    last = max(len(values) for values in lines.values()) - 1
    shown = [value for values in lines.values() for value in values if value > 0]
    low, high = math.floor(math.log10(min(shown))), math.ceil(math.log10(max(shown)))
    high = max(high, low + 1)

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * t / max(last, 1)

    def y(exponent: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - exponent) / (high - low)

    parts = [_text(LEFT, TOP - 12, title), _text(x(last / 2), HEIGHT - 12, across, "middle")]
    middle = y((low + high) / 2)
    parts.append(f'<g transform="rotate(-90 16 {middle:.1f})">{_text(16, middle, up, "middle")}</g>')
    for exponent in range(low, high + 1, max(1, (high - low) // 8)):
        parts.append(_line([(LEFT, y(exponent)), (WIDTH - RIGHT, y(exponent))], "#dddddd"))
        parts.append(_text(LEFT - 6, y(exponent) + 4, f"1e{exponent}", "end"))
    for t in range(0, last + 1, max(1, last // 10)):
        parts.append(_text(x(t), HEIGHT - BOTTOM + 18, str(t), "middle"))
    for number, (name, values) in enumerate(lines.items()):
        colour, at = COLOURS[number % len(COLOURS)], TOP + 10 + 20 * number
        parts.append(_line([(x(t), y(math.log10(value))) for t, value in enumerate(values) if value > 0], colour, 2))
        parts.append(_line([(WIDTH - RIGHT + 10, at - 4), (WIDTH - RIGHT + 30, at - 4)], colour, 2))
        parts.append(_text(WIDTH - RIGHT + 36, at, name))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _line(points: Sequence[tuple[float, float]], colour: str, width: int = 1) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
