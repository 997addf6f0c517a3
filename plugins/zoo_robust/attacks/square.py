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
from zoo_robust.attacks.square_l2 import L2Squares, window

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
    """Images of those that stand, every pixel of which is at an end of what is allowed; a square of it is changed at a time."""

    def __init__(self, allowed: LinfBall, start: Sequence[int], seeds: Sequence[int], count: int) -> None:
        self._low, self._high = allowed.low, allowed.high
        _, channels, _, width = allowed.clean.shape
        # Vertical stripes, one pixel wide: what the search begins with (section 5.2).
        stripes = each(start, lambda generator: torch.rand(channels, 1, width, generator=generator)).to(self._low.device)
        self.images = torch.where(stripes < 0.5, self._high, self._low)
        self._drawn = each(seeds, lambda generator: torch.rand(count, 2 + channels, generator=generator)).to(self._low.device)
        self._places: tuple[Tensor, ...] = ()
        self._before = self.images

    def propose(self, query: int, side: int) -> None:
        """Put a square of every image to one end or the other, in each channel."""
        drawn = self._drawn[:, query]
        self._places = window(self.images, drawn[:, 0], drawn[:, 1], side)
        self._before = self.images[self._places]
        up = (drawn[:, 2:] < 0.5)[:, :, None, None]
        self.images[self._places] = torch.where(up, self._high[self._places], self._low[self._places])

    def reject(self, worse: Tensor) -> None:
        """Take the last change of some back, bool [b]."""
        samples, channels, rows, columns = self._places
        self.images[samples[worse], channels, rows[worse], columns[worse]] = self._before[worse]

    def keep(self, stand: Tensor) -> None:
        """Let the others go."""
        self.images, self._low, self._high, self._drawn = cut(stand, self.images, self._low, self._high, self._drawn)
