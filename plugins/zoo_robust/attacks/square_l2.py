"""What Square tries under L2: the perturbation of one window moves to another, where it takes the shape of two peaks."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from zoo_robust.attacks.balls import L2Ball, each, euclidean

TINY = 1e-12
TILES = 5
"""A side of the image is so many tiles long, each with two peaks: what the search begins with."""
SMALLEST = 3
"""Side of the smallest window."""


class L2Squares:
    """Images of those that stand, on the sphere but for what [0, 1] cuts off. Source: Andriushchenko et al. 2020, algorithm 3."""

    def __init__(self, allowed: L2Ball, start: Sequence[int], seeds: Sequence[int], count: int) -> None:
        self._clean, self._eps, self._bounds = allowed.clean, allowed.eps, allowed.bounds
        _, channels, height, width = allowed.clean.shape
        side = max(1, min(height, width) // TILES)
        down, across, draws = height // side, width // side, 1 + channels
        drawn = each(start, lambda generator: torch.rand(down, across, draws, generator=generator)).to(allowed.clean)
        change = torch.zeros_like(allowed.clean)
        for row in range(down):
            for column in range(across):
                y, x = height % side // 2 + row * side, width % side // 2 + column * side
                change[:, :, y : y + side, x : x + side] = peaks(drawn[:, row, column], side)
        self.images = self._on_sphere(change)
        self._drawn = each(seeds, lambda generator: torch.rand(count, 4 + draws, generator=generator)).to(allowed.clean)
        self._before = self.images

    def propose(self, query: int, side: int) -> None:
        """Empty a window of every image's perturbation, and give its norm, and what was left of eps, to another window."""
        height, width = self.images.shape[2:]
        side = max(side, SMALLEST)
        side = min(side + (side % 2 == 0), height, width)
        drawn, change = self._drawn[:, query], self.images - self._clean
        filled, emptied = window(change, drawn[:, 0], drawn[:, 1], side), window(change, drawn[:, 2], drawn[:, 3], side)
        old, left = change[filled], self._eps**2 - euclidean(change) ** 2
        rest = change.clone()
        rest[filled] = rest[emptied] = 0
        share = (change**2).sum((2, 3), keepdim=True) - (rest**2).sum((2, 3), keepdim=True)  # the norm² of both, in each channel
        new = peaks(drawn[:, 4:], side) + old / (_norms(old) + TINY)
        new = new / (_norms(new) + TINY) * (left.clamp_min(0) / change.shape[1] + share.clamp_min(0)).sqrt()
        rest[filled] = new
        self._before, self.images = self.images, self._on_sphere(rest)

    def reject(self, worse: Tensor) -> None:
        """Take the last change of some back, bool [b]."""
        self.images = torch.where(worse.view(-1, 1, 1, 1), self._before, self.images)

    def keep(self, stand: Tensor) -> None:
        """Let the others go."""
        self.images, self._clean, self._drawn = self.images[stand], self._clean[stand], self._drawn[stand]

    def _on_sphere(self, change: Tensor) -> Tensor:
        return torch.clamp(self._clean + change * (self._eps / (euclidean(change) + TINY)), *self._bounds)


def window(images: Tensor, down: Tensor, across: Tensor, side: int) -> tuple[Tensor, ...]:
    """Indices of a square of this side in each image, all channels of it: `images[window(...)]` is [b, c, side, side].

    `down` and `across` [b], uniform in [0, 1), say where; every place is as likely.
    """
    (count, channels, height, width), device = images.shape, images.device
    steps = torch.arange(side, device=device)
    rows = (down * (height - side + 1)).long()[:, None, None, None] + steps[:, None]
    columns = (across * (width - side + 1)).long()[:, None, None, None] + steps
    samples = torch.arange(count, device=device)[:, None, None, None]
    return samples, torch.arange(channels, device=device)[:, None, None], rows, columns


def peaks(drawn: Tensor, side: int) -> Tensor:
    """Two peaks of opposite sign beside or above each other, at norm 1 in each channel: [b, c, side, side].

    `drawn` [b, 1 + c], uniform in [0, 1), says which, and the sign of every channel.
    """
    above = two_peaks(side).to(drawn)
    signs = ((drawn[:, 1:] < 0.5) * 2.0 - 1)[:, :, None, None]
    shapes: Tensor = signs * torch.where((drawn[:, 0] < 0.5)[:, None, None, None], above, above.T)
    return shapes


@lru_cache(maxsize=64)
def two_peaks(side: int) -> Tensor:
    """One peak above the other, of opposite sign, [side, side] at norm 1: η of section 5.3."""
    upper = side // 2
    both = torch.cat([_peak(upper, side), -_peak(side - upper, side)])
    shape: Tensor = both / torch.linalg.vector_norm(both)
    return shape


def _peak(height: int, width: int) -> Tensor:
    """Rings about the middle, at norm 1: that at distance r has the value of Σ 1 / (k + 1)², k from r to the outermost."""
    outermost = max(height, width) // 2 + 1
    down, across = torch.arange(height) - height // 2, torch.arange(width) - width // 2
    ring = torch.maximum(down.abs()[:, None], across.abs()[None])
    heights = torch.tensor([sum(1 / (k + 1) ** 2 for k in range(r, outermost)) for r in range(outermost + 1)])
    rings: Tensor = heights[ring] / torch.linalg.vector_norm(heights[ring]).clamp_min(TINY)
    return rings


def _norms(windows: Tensor) -> Tensor:
    """Of each window's channels, [b, c, 1, 1]."""
    norms: Tensor = torch.linalg.vector_norm(windows, dim=(2, 3), keepdim=True)
    return norms
