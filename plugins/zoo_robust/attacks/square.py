"""Square attack: random search that changes one square at a time and keeps what lowers the victim's margin. No gradient."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim, margins
from zoo_robust.attacks.balls import LinfBall, ball, each, nested
from zoo_robust.attacks.fight import Fight, cut
from zoo_robust.attacks.square_l2 import L2Squares

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10,000 queries: where the share of changed pixels is halved (section 5.1); for other budgets in proportion."""


class Square(Frozen):
    """Source: Andriushchenko et al. 2020, algorithms 1, 2 (L∞) and 3 (L2). Every sample has squares of its own.

    Parity: pyautoattack `SquareAttack`, whose `resc_schedule` is `rescale` here.
    """

    iterative: ClassVar[bool] = False

    queries: int = Field(default=5000, ge=1, description="Evaluations of the victim at most.")
    share: float = Field(default=0.8, gt=0, le=1, description="Share of an image's pixels in the first squares.")
    rescale: bool = Field(default=True, description="Whether the schedule of squares, one of 10,000, is cut to the queries.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight, allowed = Fight(victim, inputs, labels, seeds), ball(inputs, threat)
        kind: Any = LinfSquares if threat.norm == "linf" else L2Squares
        tried: LinfSquares | L2Squares = kind(allowed, nested(seeds, 0), nested(seeds, 1), self.queries - 1)
        margin = torch.full_like(labels, float("inf"), dtype=inputs.dtype)
        for query in range(self.queries):
            if query:
                tried.propose(query - 1, self.side(query - 1, *inputs.shape[2:]))
            logits = fight.logits(tried.images)
            new = margins(logits, fight.labels)
            stand = fight.fall(tried.images, logits)
            if not len(fight):
                break
            if query:
                tried.reject(new >= margin)
            (margin,) = cut(stand, new.minimum(margin))
            if not bool(stand.all()):
                tried.keep(stand)
        return fight.attacked(tried.images if len(fight) else None)

    def side(self, query: int, height: int, width: int) -> int:
        """Side of the square of a query: its area is a share of the image's that falls as the search goes on."""
        reached = int(query / self.queries * 10_000) if self.rescale else query
        halvings = sum(reached > bound for bound in HALVINGS)
        return min(max(1, round(math.sqrt(self.share * 0.5**halvings * height * width))), height, width)


class LinfSquares:
    """Images of those that stand, every pixel of which is at an end of what is allowed; a square of it is changed at a time.

    Pixels are kept in rows, [b, chw], where a square is a list of places: looking them up costs a fraction of indexing four axes,
    and beside a small victim that is a quarter of the search.
    """

    def __init__(self, allowed: LinfBall, start: Sequence[int], seeds: Sequence[int], count: int) -> None:
        self._shape = allowed.clean.shape[1:]
        channels, _, width = self._shape
        # Vertical stripes, one pixel wide: what the search begins with (section 5.2).
        stripes = each(start, lambda generator: torch.rand(channels, 1, width, generator=generator)).to(allowed.low.device)
        self._pixels = torch.where(stripes < 0.5, allowed.high, allowed.low).flatten(1).contiguous()
        self._low, self._high = allowed.low.flatten(1), allowed.high.flatten(1)
        self._drawn = each(seeds, lambda generator: torch.rand(count, 2 + channels, generator=generator)).to(allowed.low.device)
        self._places = self._before = self._after = torch.empty(0)

    @property
    def images(self) -> Tensor:
        """[b, c, h, w]."""
        return self._pixels.view(-1, *self._shape)

    def propose(self, query: int, side: int) -> None:
        """Put a square of every image to one end or the other, in each channel."""
        drawn = self._drawn[:, query]
        self._places = places(self._shape, drawn[:, 0], drawn[:, 1], side)
        self._before = self._pixels.gather(1, self._places)
        up = (drawn[:, 2:] < 0.5).repeat_interleave(side * side, 1)
        self._after = torch.where(up, self._high.gather(1, self._places), self._low.gather(1, self._places))
        self._pixels.scatter_(1, self._places, self._after)

    def reject(self, worse: Tensor) -> None:
        """Take the last change of some back, bool [b]."""
        self._pixels.scatter_(1, self._places, torch.where(worse[:, None], self._before, self._after))

    def keep(self, stand: Tensor) -> None:
        """Let the others go."""
        self._pixels, self._low, self._high, self._drawn = cut(stand, self._pixels, self._low, self._high, self._drawn)


def places(shape: Sequence[int], down: Tensor, across: Tensor, side: int) -> Tensor:
    """Where a square of this side lies in each image of `shape` (c, h, w) that is written in a row: int64 [b, c · side²].

    `down` and `across` [b], uniform in [0, 1), say where; every place is as likely.
    """
    channels, height, width = shape
    steps = torch.arange(side, device=down.device)
    square = (torch.arange(channels, device=down.device)[:, None, None] * height + steps[:, None]) * width + steps
    corners = (down * (height - side + 1)).long() * width + (across * (width - side + 1)).long()
    return corners[:, None] + square.flatten()
