"""Drawing boxes on pictures, for `save_figures`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

GOLDEN = 0.61803398875
"""Share of the colour circle between two classes, so that few of them look alike."""


def to_picture(image: "Tensor") -> "Image":
    """An image [1 or 3, h, w] in [0, 1] as an RGB picture."""
    from PIL import Image

    pixels = (image.detach().cpu().float().clamp(0, 1) * 255).round().byte().expand(3, -1, -1)
    return Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))


def draw_boxes(image: "Tensor", found: np.ndarray[Any, Any], objects: np.ndarray[Any, Any], classes: Sequence[str]) -> "Image":
    """The image with the annotators' boxes in thin white and the found ones in their class's colour, with name and score.

    `found` [n, 6]: x1 y1 x2 y2 score label; `objects` [m, 5 or more]: x1 y1 x2 y2 label.
    """
    from PIL import ImageDraw, ImageFont

    picture = to_picture(image)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for corners in objects[:, :4]:
        pen.rectangle(corners.tolist(), outline=(255, 255, 255))
    for *corners, score, label in found[::-1].tolist():  # the surest on top
        colour = class_colour(int(label))
        text = f"{classes[int(label)]} {score:.2f}"
        pen.rectangle(corners, outline=colour, width=2)
        place = (corners[0] + 2, max(0.0, corners[1] - 12))
        pen.rectangle(pen.textbbox(place, text, font=font), fill=colour)
        pen.text(place, text, fill=(0, 0, 0), font=font)
    return picture


def class_colour(label: int) -> tuple[int, int, int]:
    """A bright colour for a class, RGB in 0..255."""
    from colorsys import hsv_to_rgb

    red, green, blue = hsv_to_rgb(label * GOLDEN % 1, 0.75, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
