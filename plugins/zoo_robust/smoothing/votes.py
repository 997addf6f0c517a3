"""Votes of a classifier under Gaussian noise, and what follows from their counts.

Source: Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918, section 3 and algorithms 1 and 2.
"""

from collections.abc import Callable, Sequence

import torch
from scipy.special import bdtr, betaincinv, ndtri
from torch import Tensor

ABSTAINS = -1
ELEMENTS = 2**20
"""Numbers of a batch of noisy images, of one image each: what a batch holds depends on the image's size alone."""

Logits = Callable[[Tensor], Tensor]


def votes(logits: Logits, image: Tensor, sigma: float, draws: Sequence[int], seed: int) -> list[Tensor]:
    """How often each class has the largest logit of image [c, h, w] plus noise of deviation `sigma`; int64 [classes] each.

    One count for each number of `draws`, of draws of their own. The noise is not clipped, follows from the seed alone, and is
    drawn on the CPU, so that every device has the same. Of equal logits the first counts.
    """
    generator = torch.Generator().manual_seed(seed)
    most = max(16, ELEMENTS // image.numel() // 16 * 16)
    return [_counted(logits, image, sigma, count, most, generator) for count in draws]


def _counted(logits: Logits, image: Tensor, sigma: float, count: int, most: int, generator: torch.Generator) -> Tensor:
    found: Tensor | int = 0
    for start in range(0, count, most):
        noise = torch.randn((min(most, count - start), *image.shape), generator=generator).to(image)
        scores = logits(image + noise.mul_(sigma))
        found = found + torch.bincount(scores.argmax(1), minlength=scores.shape[1])
    assert isinstance(found, Tensor)
    return found.cpu()


def lower_bound(hits: int, n: int, alpha: float) -> float:
    """Clopper-Pearson: the largest p that `hits` of `n` rule out from below at level `alpha`, one-sided; 0 of no hit.

    P(lower_bound ≤ p) ≥ 1 - alpha, whatever p. Parity: `scipy.stats.binomtest(hits, n, alternative="greater")`.
    """
    return float(betaincinv(hits, n - hits + 1, alpha)) if hits else 0.0


def certified(first: Tensor, counts: Tensor, sigma: float, alpha: float) -> tuple[int, float]:
    """Class and L2 radius by algorithm 1: the class that leads in `first`, if a majority of `counts` is beyond doubt.

    The radius is sigma · Phi⁻¹(p), p the lower bound of its probability; without one the class is `ABSTAINS`, the radius 0.
    With probability of at least 1 - alpha the smoothed classifier says this class of every image within the radius.
    """
    leader = int(first.argmax())
    p = lower_bound(int(counts[leader]), int(counts.sum()), alpha)
    return (leader, sigma * float(ndtri(p))) if p > 0.5 else (ABSTAINS, 0.0)


def predicted(counts: Tensor, alpha: float) -> int:
    """Class by algorithm 2: the one with most votes, if it leads the second beyond doubt; else `ABSTAINS`.

    With probability of at least 1 - alpha what is answered is the class of the smoothed classifier. One class alone leads.
    """
    order = counts.sort(descending=True, stable=True)
    most, next_ = int(order.values[0]), int(order.values[1]) if len(counts) > 1 else 0
    return int(order.indices[0]) if two_sided(most, next_) <= alpha else ABSTAINS


def two_sided(first: int, second: int) -> float:
    """p-value of so uneven a split of `first + second` tosses of a fair coin. Parity: `scipy.stats.binomtest`."""
    return min(1.0, 2 * float(bdtr(min(first, second), first + second, 0.5))) if first != second else 1.0
