"""The curves of a training, drawn: its losses and its score, epoch by epoch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.tasks.drawing import class_colour
from zoo.training.job import Epoch

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT, MARGIN = 640, 240, 60
Curve = tuple[str, list[float | None]]


def draw_curves(history: Sequence[Epoch], metric: str) -> "Image":
    """Two panels over the epochs: the loss, or what was told of its parts, and below the scores on the validation samples."""
    from PIL import Image

    losses = _told([epoch.losses for epoch in history]) or [("loss", [epoch.loss for epoch in history])]
    scores = [(metric, [epoch.score for epoch in history]), *_told([epoch.scores for epoch in history])]
    picture = Image.new("RGB", (WIDTH, 2 * HEIGHT), "white")
    for place, curves in enumerate((losses, scores)):
        _panel(picture, place * HEIGHT, [epoch.epoch for epoch in history], curves)
    return picture


def _told(epochs: Sequence[dict[str, float]]) -> list[Curve]:
    """A curve of each name that any epoch has."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch)
    return [(name, [epoch.get(name) for epoch in epochs]) for name in names]


def _panel(picture: "Image", top: int, epochs: Sequence[int], curves: Sequence[Curve]) -> None:
    """Axes with their smallest and largest values, and a line a curve with its name in its colour."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    left, right, upper, lower = MARGIN, WIDTH - MARGIN // 3, top + MARGIN // 2, top + HEIGHT - MARGIN // 2
    values = [value for _, curve in curves for value in curve if value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pen.line([(left, upper), (left, lower), (right, lower)], fill="black")
    for y, value in ((upper, high), (lower, low)):
        pen.text((left - 5, y), f"{value:.4g}", fill="black", anchor="rm")
    for x, epoch in ((left, epochs[0]), (right, epochs[-1])):
        pen.text((x, lower + 5), f"epoch {epoch}", fill="black", anchor="ra" if x == right else "la")
    across, up = (right - left) / max(len(epochs) - 1, 1), (lower - upper) / ((high - low) or 1.0)
    for number, (name, curve) in enumerate(curves):
        points = [(left + across * i, lower - up * (value - low)) for i, value in enumerate(curve) if value is not None]
        _line(pen, points, class_colour(number))
        pen.text((left + 8 + 130 * number, upper - 22), name, fill=class_colour(number))


def _line(pen: "ImageDraw", points: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    pen.line(list(points), fill=colour, width=2)
    for x, y in points:
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
