"""The corruptions and their five severities, as numbers: for small images, and for others.

Those of Hendrycks & Dietterich 2019 (arXiv:1903.12261) are the parameters of the authors' code: CIFAR-10-C's for small images,
of which a few pixels are a large part, ImageNet-C's for the others. Rotation and occlusion are not among theirs and are ours.
On MNIST and on photographs the mean PSNR falls with every severity of every corruption.
"""

from typing import NamedTuple

__all__ = ["CLEAN", "SEVERITIES", "SMALL", "Corruption"]

SMALL = 64
"""Pixels of the shorter side up to which an image is small."""
CLEAN = "clean"
"""Stands for the image as it is, severity 0."""


class Corruption(NamedTuple):
    """What its number is, and the numbers of severities 1 to 5."""

    number: str
    small: tuple[float, float, float, float, float]
    large: tuple[float, float, float, float, float]
    source: str


PAPER = "Hendrycks & Dietterich 2019"
SEVERITIES = {
    "gaussian-noise": Corruption(
        "standard deviation of white noise, pixels in [0, 1]",
        (0.04, 0.06, 0.08, 0.09, 0.10),
        (0.08, 0.12, 0.18, 0.26, 0.38),
        PAPER,
    ),
    "blur": Corruption("standard deviation of a Gaussian kernel, pixels", (0.4, 0.6, 0.7, 0.8, 1.0), (1, 2, 3, 4, 6), PAPER),
    "contrast": Corruption(
        "share of a pixel's distance to its channel's mean that is kept",
        (0.75, 0.5, 0.4, 0.3, 0.15),
        (0.4, 0.3, 0.2, 0.1, 0.05),
        PAPER,
    ),
    "brightness": Corruption(
        "added to the value of HSV, pixels in [0, 1]", (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5), PAPER
    ),
    "jpeg": Corruption("quality of JPEG", (80, 65, 58, 50, 40), (25, 18, 15, 10, 7), PAPER),
    "pixelation": Corruption(
        "share of its sides that the image is reduced to, by box averages, and enlarged again from",
        (0.95, 0.9, 0.85, 0.75, 0.65),
        (0.6, 0.5, 0.4, 0.3, 0.25),
        PAPER,
    ),
    "rotation": Corruption("degrees, to the left or the right", (10, 20, 30, 40, 50), (10, 20, 30, 40, 50), "deepzoo"),
    "occlusion": Corruption(
        "share of its sides that a grey rectangle has", (0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3, 0.4, 0.5), "deepzoo"
    ),
}
"""By name, in the order in which they are shown."""
