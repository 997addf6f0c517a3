"""Positional encodings: without one attention takes a sequence for a set. Sinusoids over a line and over a grid.

A learned encoding is a parameter of the same shape; see `vit.py`.
"""

import torch
from torch import Tensor

from zoo.errors import ModelError

WAVELENGTH = 10_000.0
"""Longest wavelength, over 2π, in positions."""


def sinusoidal(length: int, dim: int) -> Tensor:
    """sin(p / 10000^(2i / dim)) at channel 2i, cos of the same at 2i + 1: float32 [length, dim] of positions p from 0.

    Source: Vaswani et al. 2017, section 3.5. Raises ModelError where dim is odd.
    """
    return sinusoids(torch.arange(length), dim).float()


def sinusoidal_2d(rows: int, columns: int, dim: int) -> Tensor:
    """Of a grid, row by row: float32 [rows · columns, dim], whose first half encodes the row and whose second the column.

    Source: Chen, Xie & He 2021, arXiv:2104.02057, section 4 (sine-cosine in 2-D). Raises ModelError where 4 does not divide dim.
    """
    if dim % 4:
        raise ModelError(
            f"a sinusoidal encoding of a grid needs a width that 4 divides, not {dim}", "choose dim as a multiple of 4"
        )
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.cat([sinusoids(down.flatten(), dim // 2), sinusoids(across.flatten(), dim // 2)], dim=1).float()


def sinusoids(positions: Tensor, dim: int) -> Tensor:
    """The encoding of any positions [n], float64 [n, dim]."""
    if dim < 2 or dim % 2:
        raise ModelError(f"a sinusoidal encoding needs an even width, not {dim}", "choose an even dim")
    frequencies = WAVELENGTH ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = positions.double()[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
