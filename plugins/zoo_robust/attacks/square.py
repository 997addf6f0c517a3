"""Square attack: random search that changes one square at a time and keeps what lowers the victim's margin. No gradient."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.errors import OptionError
from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim, margins
from zoo_robust.attacks.balls import LinfBall, each, nested
from zoo_robust.attacks.fight import Fight, cut

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10,000 queries: where the share of changed pixels is halved (section 5.1); for other budgets in proportion."""


class Square(Frozen):
    """Source: Andriushchenko et al. 2020, algorithms 1 and 2 (L∞). Every pixel of a perturbation is at ±eps throughout."""

    iterative: ClassVar[bool] = False

    queries: int = Field(default=5000, ge=1, description="Evaluations of the victim at most.")
    share: float = Field(default=0.8, gt=0, le=1, description="Share of an image's pixels in the first squares.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        if threat.norm != "linf" or threat.eps is None:
            raise OptionError(
                f"robust/square searches under linf, not {threat.norm}", "take `protocol.norm=linf`, or another attack"
            )
        fight = Fight(victim, inputs, labels, seeds)
        allowed = LinfBall(inputs, threat.eps)
        images = allowed.project(inputs + threat.eps * _stripes(inputs, seeds))
        logits = fight.logits(images)
        margin, drawn = margins(logits, labels), _draws(inputs, seeds, self.queries - 1)
        stand = fight.fall(images, logits)
        for query in range(self.queries):
            if not stand.all():
                images, margin, drawn = cut(stand, images, margin, drawn)
                allowed = allowed.keep(stand)
            if not len(fight) or query == self.queries - 1:
                break
            tried = allowed.project(images + 2 * threat.eps * squares(images, drawn[:, query], self._side(query, images)))
            logits = fight.logits(tried)
            new = margins(logits, fight.labels)
            better = new < margin
            images = torch.where(better.view(-1, 1, 1, 1), tried, images)
            margin = torch.where(better, new, margin)
            stand = fight.fall(tried, logits)
        return fight.attacked(images)

    def _side(self, query: int, images: Tensor) -> int:
        """Side of the square of a query: its area is a share of the image's that falls as the search goes on."""
        height, width = images.shape[2:]
        halvings = sum(query * 10_000 / self.queries > bound for bound in HALVINGS)
        return min(max(1, round(math.sqrt(self.share * 0.5**halvings * height * width))), height, width)


def squares(images: Tensor, drawn: Tensor, side: int) -> Tensor:
    """A square of this side at a random place of each image, each channel of it at +1 or -1, and 0 elsewhere.

    `drawn` [b, 2 + c] are uniform in [0, 1): row, column, and sign of every channel.
    """
    height, width = images.shape[2:]
    top = (drawn[:, 0] * (height - side + 1)).long()[:, None]
    left = (drawn[:, 1] * (width - side + 1)).long()[:, None]
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows, in_columns = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)
    inside = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return inside * ((drawn[:, 2:] < 0.5) * 2.0 - 1)[:, :, None, None]


def _stripes(images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Vertical stripes one pixel wide, ±1 in each channel: what the search begins with (section 5.2)."""
    _, channels, _, width = images.shape
    drawn = each(nested(seeds, 0), lambda generator: torch.rand(channels, 1, width, generator=generator))
    return ((drawn < 0.5) * 2.0 - 1).to(images)


def _draws(images: Tensor, seeds: Sequence[int], count: int) -> Tensor:
    """All random numbers of the search, [b, count, 2 + c], so that those of a sample do not depend on who else stands."""
    size = 2 + images.shape[1]
    return each(nested(seeds, 1), lambda generator: torch.rand(count, size, generator=generator)).to(images)
