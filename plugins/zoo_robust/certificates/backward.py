"""Linear bounds that go back through the layers: Fast-Lin and CROWN, and interval bounds of margins as their shortest case."""

from typing import Literal

import torch
from torch import Tensor

from zoo_robust.certificates.bounds import DOUBLE, ROWS, Bounds, Walk, gamma, inner, least_in_box
from zoo_robust.certificates.layers import Affine, Relu

Relaxation = Literal["parallel", "adaptive"]


def least(bounds: Bounds, rows: Tensor, owner: Tensor, start: int, relaxation: Relaxation, stop: int = 0) -> Tensor:
    """Lower bounds float64 [s] of linear functions of what layer `start` is given: rows [s, *inside] of image owner[s].

    They go back as far as what layer `stop` is given. At a ReLU that may be on or off, l < 0 < u, the line above is
    u (z - l) / (u - l); that below has the same slope (parallel: Weng et al. 2018, Fast-Lin, arXiv:1804.09699), or 1 where
    u > -l and else 0 (adaptive: Zhang et al. 2018, CROWN, arXiv:1811.00866, section 3.3).
    """
    parts = [
        _least(bounds, rows[at : at + ROWS], owner[at : at + ROWS], start, relaxation, stop) for at in range(0, len(rows), ROWS)
    ]
    return torch.cat(parts) if parts else rows.new_zeros(0)


def _least(bounds: Bounds, rows: Tensor, owner: Tensor, start: int, relaxation: Relaxation, stop: int) -> Tensor:
    constant, rounding = rows.new_zeros(len(rows)), rows.new_zeros(len(rows))
    widest = 1
    for place in range(start - 1, stop - 1, -1):
        layer = bounds.chain.layers[place]
        widest = max(widest, rows[0].numel())
        if isinstance(layer, Affine):
            rounding += gamma(layer.terms + rows[0].numel(), DOUBLE) * inner(rows.abs(), bounds.size[place][owner])
            constant += inner(rows, layer.bias.expand(layer.outside).expand_as(rows))
            rows = layer.back(rows)
        elif isinstance(layer, Relu):
            low, high = bounds.low[place][owner], bounds.high[place][owner]
            rounding += 4 * gamma(rows[0].numel(), DOUBLE) * inner(rows.abs(), bounds.size[place][owner])
            above, below, shift = _lines(low, high, relaxation)
            negative = rows.clamp_max(0)
            constant += inner(negative, shift)
            rows = negative * above + rows.clamp_min(0) * below
        else:
            rows = rows.reshape(len(rows), *layer.inside)
    if stop == 0:
        found, size = bounds.region.least(rows, owner)
    else:
        found, size = least_in_box(rows, bounds.low[stop][owner], bounds.high[stop][owner])
    numbers = max(widest, rows[0].numel())
    return found + constant - rounding - 2 * gamma(numbers, DOUBLE) * (size + constant.abs())


def _lines(low: Tensor, high: Tensor, relaxation: Relaxation) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes of the lines above and below ReLU between two bounds, and where the line above meets 0."""
    open_ = (low < 0) & (high > 0)
    on = (low >= 0).to(low.dtype)
    above = torch.where(open_, high / (high - low).clamp_min(1e-300), on)
    if relaxation == "parallel":
        below = above
    else:
        below = torch.where(open_, (high > -low).to(low.dtype), on)
    return above, below, torch.where(open_, -above * low, torch.zeros_like(low))


def narrowed(bounds: Bounds, relaxation: Relaxation) -> Bounds:
    """Bounds whose ReLU inputs come from linear bounds where those are tighter, each layer's by those of the layers before.

    Only what may be on or off is asked: of the rest nothing tighter would change a line. The first ReLU keeps its interval
    bounds, which are exact where no two affine layers stand before it.
    """
    chain, walk = bounds.chain, Walk(bounds.chain, bounds.region)
    seen = 0
    for place, layer in enumerate(chain.layers):
        if isinstance(layer, Relu):
            if seen:
                walk.narrow(*_asked(walk, place, relaxation))
            seen += 1
        walk.through(layer)
    return walk.bounds


def _asked(walk: Walk, place: int, relaxation: Relaxation) -> tuple[Tensor, Tensor]:
    """Linear bounds of what a ReLU is given, where it may be on or off; elsewhere those that there are."""
    low, high = walk.low.flatten(1).clone(), walk.high.flatten(1).clone()
    owner, neuron = ((low < 0) & (high > 0)).nonzero(as_tuple=True)
    shape = walk.low.shape[1:]
    for at in range(0, len(owner), ROWS):
        who, which = owner[at : at + ROWS], neuron[at : at + ROWS]
        rows = low.new_zeros((len(who), low.shape[1]))
        rows[torch.arange(len(who)), which] = 1
        rows = rows.reshape(-1, *shape)
        low[who, which] = least(walk.bounds, rows, who, place, relaxation)
        high[who, which] = -least(walk.bounds, -rows, who, place, relaxation)
    return low.reshape(walk.low.shape), high.reshape(walk.high.shape)
