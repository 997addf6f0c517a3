"""Linear bounds that go back through the layers: Fast-Lin and CROWN, and interval bounds of margins as their shortest case."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from zoo_robust.certificates.bounds import DOUBLE, Bounds, Walk, gamma, inner, least_in_box
from zoo_robust.certificates.layers import Affine, Relu
from zoo_robust.certificates.rows import Rows, single

Relaxation = Literal["parallel", "adaptive"]

TOGETHER = 512
"""Linear functions that go back through the layers together: few enough for memory."""


def least(bounds: Bounds, rows: Rows, start: int, relaxation: Relaxation, stop: int = 0) -> Tensor:
    """Lower bounds float64 [s] of linear functions of what layer `start` is given.

    They go back as far as what layer `stop` is given. At a ReLU that may be on or off, l < 0 < u, the line above is
    u (z - l) / (u - l); that below has the same slope (parallel: Weng et al. 2018, Fast-Lin, arXiv:1804.09699), or 1 where
    u > -l and else 0 (adaptive: Zhang et al. 2018, CROWN, arXiv:1811.00866, section 3.3).
    """
    constant, rounding = (torch.zeros(len(rows), dtype=torch.float64, device=rows.values.device) for _ in range(2))
    numbers = 1
    for place in range(start - 1, stop - 1, -1):
        layer = bounds.chain.layers[place]
        numbers = max(numbers, rows.numbers)
        if isinstance(layer, Affine):
            step = gamma(layer.terms + rows.numbers, DOUBLE)
            rounding += step * inner(rows.values.abs(), rows.of(bounds.size[place]))
            constant += inner(rows.values, rows.shared(layer.bias))
            rows = rows.back(layer)
        elif isinstance(layer, Relu):
            rounding += 4 * gamma(rows.numbers, DOUBLE) * inner(rows.values.abs(), rows.of(bounds.size[place]))
            above, below, shift = (rows.of(line) for line in _lines(bounds, place, relaxation))
            negative = rows.values.clamp_max(0)
            constant += inner(negative, shift)
            rows = replace(rows, values=negative * above + rows.values.clamp_min(0) * below)
        else:
            rows = rows.reshaped(tuple(layer.inside))
    if stop == 0:
        found, size = bounds.region.least(rows.values, rows.of)
    else:
        found, size = least_in_box(rows.values, rows.of(bounds.low[stop]), rows.of(bounds.high[stop]))
    return found + constant - rounding - 2 * gamma(max(numbers, rows.numbers), DOUBLE) * (size + constant.abs())


def _lines(bounds: Bounds, place: int, relaxation: Relaxation) -> tuple[Tensor, Tensor, Tensor]:
    """Of a ReLU the slopes of the lines above and below it, and the height at 0 of that above: [b, *inside], computed once."""
    if (place, relaxation) not in bounds.lines:
        low, high = bounds.low[place], bounds.high[place]
        open_ = (low < 0) & (high > 0)
        on = (low >= 0).to(low.dtype)
        above = torch.where(open_, high / (high - low).clamp_min(1e-300), on)
        below = above if relaxation == "parallel" else torch.where(open_, (high > -low).to(low.dtype), on)
        bounds.lines[place, relaxation] = above, below, torch.where(open_, -above * low, torch.zeros_like(low))
    return bounds.lines[place, relaxation]


def narrowed(bounds: Bounds, relaxation: Relaxation) -> Bounds:
    """Bounds whose ReLU inputs come from linear bounds where those are tighter, each layer's by those of the layers before.

    Only what may be on or off is asked: of the rest nothing tighter would change a line. The first ReLU keeps its interval
    bounds, which are exact where no two layers that mix stand before it.
    """
    chain, walk = bounds.chain, Walk(bounds.chain, bounds.region)
    first = True
    for place, layer in enumerate(chain.layers):
        if isinstance(layer, Relu):
            if not first:
                walk.narrow(*_asked(walk, place, relaxation))
            first = False
        walk.through(layer)
    return walk.bounds


def _asked(walk: Walk, place: int, relaxation: Relaxation) -> tuple[Tensor, Tensor]:
    """Linear bounds of what a ReLU is given, where it may be on or off; elsewhere those that there are."""
    low, high = walk.low.flatten(1).clone(), walk.high.flatten(1).clone()
    owner, number = ((low < 0) & (high > 0)).nonzero(as_tuple=True)
    shape = tuple(walk.low.shape[1:])
    for at in range(0, len(owner), TOGETHER):
        who, which = owner[at : at + TOGETHER], number[at : at + TOGETHER]
        low[who, which] = least(walk.bounds, single(shape, who, which, 1.0), place, relaxation)
        high[who, which] = -least(walk.bounds, single(shape, who, which, -1.0), place, relaxation)
    return low.reshape(walk.low.shape), high.reshape(walk.high.shape)
