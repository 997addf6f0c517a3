"""How the corners of boxes in VOC's format are counted, which no box shows by itself, but all of a dataset may together."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from zoo.errors import DataError
from zoo.remarks import remark

Corners = Literal["1", "0", "edges"]
"""`1`: pixels counted from 1 that belong to the object, as PASCAL VOC has them; `0`: the same from 0; `edges`: the outer edges
of the object, so that a box as wide as its image reaches from 0 to the width."""
Box = tuple[float, float, float, float]

MEANING: dict[Corners, str] = {
    "1": "pixels counted from 1",
    "0": "pixels counted from 0",
    "edges": "edges counted from 0",
}


def edges_of(box: Box, corners: Corners) -> Box:
    """Outer edges x1 y1 x2 y2 of a box as it is annotated."""
    left, top, right, bottom = box
    if corners == "1":
        return left - 1, top - 1, right, bottom
    return (left, top, right + 1, bottom + 1) if corners == "0" else box


def corners_of(boxes: Iterable[tuple[Box, tuple[int, int]]], root: Path) -> Corners:
    """What the corners of all boxes of a dataset are, each beside height and width of its image (0 where not known).

    Pixels counted from 1, unless a left or upper corner lies below 1. Then those that lie farthest right or down decide: at
    the image's width or height they are edges, as are fractions; one before it they are the last pixel, counted from 0. What
    is taken is said in a warning, and so are boxes that reach beyond their images. Raises DataError where nothing decides.
    """
    least, reach, fractions, beyond = 1.0, float("-inf"), False, 0
    for (left, top, right, bottom), (height, width) in boxes:
        least = min(least, left, top)
        over = max(right - width if width else float("-inf"), bottom - height if height else float("-inf"))
        beyond += over > 0 or min(left, top) < 0
        reach = max(reach, over)
        fractions = fractions or any(value % 1 for value in (left, top, right, bottom))
    if beyond:
        remark(f"{beyond} boxes of {root} reach beyond their images; they are scored as they are annotated", stacklevel=2)
    if least >= 1:
        return "1"
    taken: Corners | None = "edges" if fractions or reach >= 0 else "0" if reach == -1 else None
    if taken is None:
        ways = ", ".join(f"voc:corners={name}:PATH ({meaning})" for name, meaning in MEANING.items() if name != "1")
        raise DataError(
            f"corners of boxes in {root} are counted from 0, but none shows whether the last pixel belongs to it", f"say {ways}"
        )
    remark(f"corners of boxes in {root} are taken for {MEANING[taken]}; for another reading say voc:corners=...", stacklevel=2)
    return taken
