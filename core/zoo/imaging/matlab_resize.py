"""Bicubic resizing as MATLAB's `imresize` does it: what super-resolution is measured with.

Other libraries' bicubic differs (another kernel, no antialiasing, other borders), by decibels where PSNR is compared.
Source: Keys 1981, "Cubic convolution interpolation for digital image processing", eq. 15 (a = -0.5); the kernel is stretched
by the factor of reduction, sample positions are those of pixel centres, and the image is mirrored at its border.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]


def imresize(image: "Tensor", size: tuple[int, int]) -> "Tensor":
    """Images [..., h, w] at another size (height, width), bicubic, antialiased where it shrinks.

    uint8 stays uint8, rounded (halves away from zero) and clipped after each of the two passes, as MATLAB does it; floating
    point stays as precise as it is, and may overshoot its range. Rows are resized first where the height's factor is the
    smaller or the factors are equal, else columns.
    """
    import torch

    height, width = image.shape[-2:]
    order = (-2, -1) if size[0] / height <= size[1] / width else (-1, -2)
    for axis in order:
        weights = torch.from_numpy(resize_matrix(image.shape[axis], size[axis]))
        image = _pass(image, weights, axis)
    return image


def _pass(image: "Tensor", weights: "Tensor", axis: int) -> "Tensor":
    import torch

    compact = image.dtype == torch.uint8
    pixels = image.double() if compact else image
    weights = weights.to(pixels)
    resized = weights @ pixels if axis == -2 else pixels @ weights.T
    # floor(x + 1/2): torch rounds halves to even, MATLAB up.
    return (resized + 0.5).floor_().clamp_(0, 255).to(torch.uint8) if compact else resized


@lru_cache(maxsize=64)
def resize_matrix(before: int, after: int) -> Array:
    """What each of `before` pixels of a row contributes to each of `after`: float64 [after, before]; rows sum to 1."""
    scale = after / before
    stretch = min(scale, 1.0)
    support = 4 / stretch
    # Pixel i covers [i, i + 1), so that its centre lies at i + 1/2 in both images.
    centre = (np.arange(after) + 0.5) / scale - 0.5
    first = np.floor(centre - support / 2).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(support)) + 2)
    weights = cubic(stretch * (centre[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(before), np.arange(before)[::-1]])[taps % (2 * before)]
    matrix = np.zeros((after, before))
    np.add.at(matrix, (np.arange(after)[:, None], mirrored), weights)
    return matrix


def cubic(x: Array) -> Array:
    """Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
