"""Luma and chroma as image restoration measures them: ITU-R BT.601 in studio range, MATLAB's `rgb2ycbcr`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_TO_YCBCR = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSET = (16.0, 128.0, 128.0)
"""Y, Cb, Cr of RGB in [0, 1], in units of 1/255: Y from 16 (black) to 235 (white), Cb and Cr from 16 to 240 around 128."""


def rgb_to_ycbcr(rgb: "Tensor") -> "Tensor":
    """YCbCr [..., 3, h, w] of RGB [..., 3, h, w] in [0, 1], both floating point: Y in [16/255, 235/255], nothing rounded.

    Parity: skimage.color.rgb2ycbcr, divided by 255.
    """
    import torch

    matrix, offset = rgb.new_tensor(_TO_YCBCR) / 255, rgb.new_tensor(_OFFSET) / 255
    return torch.einsum("ij,...jhw->...ihw", matrix, rgb) + offset.view(3, 1, 1)


def ycbcr_to_rgb(ycbcr: "Tensor") -> "Tensor":
    """The inverse of `rgb_to_ycbcr`; colours that RGB has not lie outside [0, 1]."""
    import torch

    inverse = torch.linalg.inv(torch.tensor(_TO_YCBCR, dtype=torch.float64) / 255).to(ycbcr)
    offset = ycbcr.new_tensor(_OFFSET) / 255
    return torch.einsum("ij,...jhw->...ihw", inverse, ycbcr - offset.view(3, 1, 1))
