"""Linear bounds that go back through the layers: Fast-Lin and CROWN, and interval bounds of margins as their shortest case.

At a ReLU that may be on or off, l < 0 < u, the line above is u (z - l) / (u - l). That below has the same slope (parallel: Weng
et al. 2018, Fast-Lin, arXiv:1804.09699), or 1 where u > -l and else 0 (adaptive: Zhang et al. 2018, CROWN, arXiv:1811.00866,
section 3.3). Parallel lines bound a function from both sides in one pass.
"""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from zoo_robust.certificates.bounds import DOUBLE, Bounds, Walk, gamma, inner, span_in_box
from zoo_robust.certificates.layers import Affine, Relu
from zoo_robust.certificates.rows import Rows, single

Relaxation = Literal["parallel", "adaptive"]

TOGETHER = 512
"""Linear functions that go back through the layers together: few enough for memory."""


def least(bounds: Bounds, rows: Rows, start: int, relaxation: Relaxation, stop: int = 0) -> Tensor:
    """Lower bounds float64 [s] of linear functions of what layer `start` is given, from what layer `stop` is given."""
    return _span(bounds, rows, start, relaxation, stop)[0]


def span(bounds: Bounds, rows: Rows, start: int) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds float64 [s] of linear functions of what layer `start` is given, by parallel lines."""
    return _span(bounds, rows, start, "parallel", 0)


def _span(bounds: Bounds, rows: Rows, start: int, relaxation: Relaxation, stop: int) -> tuple[Tensor, Tensor]:
    """Both bounds; where lines are not parallel, only the lower one holds."""
    layers = bounds.chain.layers
    below, above, rounding = (torch.zeros(len(rows), dtype=torch.float64, device=rows.values.device) for _ in range(3))
    numbers, counted = 1, False
    for place in range(start - 1, stop - 1, -1):
        layer = layers[place]
        numbers = max(numbers, rows.numbers)
        if isinstance(layer, Affine):
            if not counted:
                rounding += _steps(layer, rows) * inner(rows.values.abs(), rows.of(bounds.size[place]))
            constant = inner(rows.values, rows.shared(layer.bias))
            below, above, counted = below + constant, above + constant, False
            rows = rows.back(layer)
        elif isinstance(layer, Relu):
            # What it is given is no larger than what that was added up from, and slopes are at most 1: one sum counts for both.
            before = layers[place - 1] if place > stop else None
            counted = isinstance(before, Affine)
            steps = 4 * gamma(rows.numbers, DOUBLE) + (2 * _steps(before, rows) if isinstance(before, Affine) else 0.0)
            rounding += steps * inner(rows.values.abs(), rows.of(bounds.size[place - 1 if counted else place]))
            slope, lower, shift = (rows.of(line) for line in _lines(bounds, place, relaxation))
            negative, positive = rows.values.clamp_max(0), rows.values.clamp_min(0)
            below, above = below + inner(negative, shift), above + inner(positive, shift)
            rows = replace(rows, values=rows.values * slope if lower is slope else negative * slope + positive * lower)
        else:
            rows = rows.reshaped(tuple(layer.inside))
    if stop == 0:
        low, high, size = bounds.region.span(rows.values, rows.of)
    else:
        low, high, size = span_in_box(rows.values, rows.of(bounds.low[stop]), rows.of(bounds.high[stop]))
    steps = 2 * gamma(max(numbers, rows.numbers), DOUBLE)
    return low + below - rounding - steps * (size + below.abs()), high + above + rounding + steps * (size + above.abs())


def _steps(layer: Affine, rows: Rows) -> float:
    return gamma(layer.terms + rows.numbers, DOUBLE)


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

    Only what may be on or off is asked: of the rest nothing tighter would change a line. All of it by parallel lines, and what
    these leave open, where so asked, by adaptive ones. The first ReLU keeps its interval bounds, which are exact where no two
    layers that mix stand before it.
    """
    chain, walk = bounds.chain, Walk(bounds.chain, bounds.region)
    first = True
    for place, layer in enumerate(chain.layers):
        if isinstance(layer, Relu):
            if not first:
                walk.narrow(*_asked(walk, place, "parallel"))
            if not first and relaxation == "adaptive":
                walk.narrow(*_asked(walk, place, "adaptive"))
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
        if relaxation == "parallel":
            low[who, which], high[who, which] = span(walk.bounds, single(shape, who, which, 1.0), place)
        else:
            low[who, which] = least(walk.bounds, single(shape, who, which, 1.0), place, relaxation)
            high[who, which] = -least(walk.bounds, single(shape, who, which, -1.0), place, relaxation)
    return low.reshape(walk.low.shape), high.reshape(walk.high.shape)
