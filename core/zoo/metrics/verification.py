"""Metrics of verification: are two samples of one class? A pair is accepted where its similarity reaches a threshold.

Pairs are those of a query and an item of its episode's gallery; two samples that are both query and gallery are one pair,
and no sample is paired with itself. Pairs of equal similarity are accepted together, or not at all.
Similarities are compared as they are: impostor pairs, which are many, are counted between the similarities of the genuine ones,
and not held. Where the genuine ones are too many to hold, similarities are counted in 2^22 steps, and the score's note says so.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import Field

from zoo.metrics.base import Score, State
from zoo.metrics.embed import Array, EmbedMetric, Places, blocks, once, undefined
from zoo.metrics.intervals import no_interval, scored

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 2**22
HELD = 2**24
"""Similarities of genuine pairs that are held: 128 MiB."""


class Pairs(NamedTuple):
    """Genuine pairs (of one class) and impostor pairs, int64 [m], at each similarity of a genuine pair and between two of them,
    the largest first; `exact` says that they are not counted in steps."""

    genuine: Array
    impostor: Array
    exact: bool

    @property
    def rates(self) -> tuple[Array, Array]:
        """Share of impostor and of genuine pairs accepted at m + 1 thresholds, from none accepted to all; float64.

        Where impostors alone stand at several similarities one threshold stands for all: on the curve they lie in one line.
        """
        impostor, genuine = (np.concatenate([[0], counts.cumsum()]) / counts.sum() for counts in (self.impostor, self.genuine))
        return impostor, genuine


class _PairMetric(EmbedMetric):
    def of(self, places: Places) -> Score:
        pairs = count_pairs(places)
        genuine, impostor = int(pairs.genuine.sum()), int(pairs.impostor.sum())
        if not genuine or not impostor:
            kind = "one class" if not genuine else "different classes"
            return undefined(f"there are no pairs of {kind}", genuine + impostor)
        value = self.of_pairs(pairs)
        if value is None:
            return undefined(f"{impostor} impostor pairs are too few", genuine + impostor)
        steps = "" if pairs.exact else f"similarities counted in steps of {2 / STEPS:.1e}"
        none = no_interval("pairs share samples, so they are not independent")
        return scored(value, genuine + impostor, none, "; ".join(filter(None, (steps, places.rounding))))

    def incomparable(self, first: State, second: State) -> str:
        return "pairs share samples, so they are not independent"

    def of_pairs(self, pairs: Pairs) -> float | None:
        """The value, where there are pairs of both kinds; None where there are too few impostors for it."""
        raise NotImplementedError


class RocAuc(_PairMetric):
    """Probability that a genuine pair is more similar than an impostor pair; equal ones count half.

    Parity: sklearn `roc_auc_score` of all pairs.
    """

    def of_pairs(self, pairs: Pairs) -> float:
        above = pairs.genuine.cumsum() - pairs.genuine
        won = (pairs.impostor * (above + pairs.genuine / 2)).sum(dtype=np.float64)
        return float(won / pairs.genuine.sum() / pairs.impostor.sum())


class Eer(_PairMetric):
    """Equal error rate: where as many impostor pairs are accepted as genuine ones rejected, by share.

    Between two thresholds both rates are taken to be linear. Parity: the crossing of sklearn's `roc_curve` with 1 - x.
    """

    def of_pairs(self, pairs: Pairs) -> float:
        accepted, right = pairs.rates
        excess = accepted - (1 - right)  # from -1, with nothing accepted, up to 1
        after = int(np.argmax(excess >= 0))
        before = after - 1
        share = -excess[before] / (excess[after] - excess[before])
        return float(accepted[before] + share * (accepted[after] - accepted[before]))


class TarAtFar(_PairMetric):
    """True accept rate: the largest share of genuine pairs accepted by a threshold that accepts at most `far` of impostors.

    No rate is read between two thresholds. Undefined where there are fewer than 1 / far impostor pairs.
    Parity: max(tpr[fpr <= far]) of sklearn's `roc_curve`.
    """

    far: Annotated[float, Field(gt=0, lt=1, description="Largest share of impostor pairs that is accepted.")] = 0.01

    def of_pairs(self, pairs: Pairs) -> float | None:
        if pairs.impostor.sum() * self.far < 1:
            return None
        accepted, right = pairs.rates
        return float(right[accepted <= self.far].max())


@once
def count_pairs(places: Places) -> Pairs:
    """Genuine pairs at each of their similarities, and impostor pairs there and between."""
    import torch

    if int(places.counts[0].clip(min=0).sum()) > 2 * HELD:
        return _in_steps(places)
    none = torch.zeros(0, dtype=torch.float64)
    genuine = torch.cat([none, *(similarity[match].double() for similarity, match in _once_each(places))])
    values, counts = torch.unique(genuine, return_counts=True)
    cells = torch.zeros((2, 2 * len(values) + 1), dtype=torch.int64)
    cells[0, 1::2] = counts
    ended = torch.cat([values, torch.tensor([torch.inf], dtype=torch.float64)])
    for similarity, match in _once_each(places):
        impostor = similarity[~match].double()
        above = torch.searchsorted(values, impostor)  # the least genuine similarity that is as large
        cells[1] += torch.bincount(2 * above + (ended[above] == impostor), minlength=cells.shape[1])
    return _pairs(cells, exact=True)


def _in_steps(places: Places) -> Pairs:
    """Both kinds of pairs at each step of similarity, counted in one pass and constant memory."""
    import torch

    cells = torch.zeros((2, STEPS + 1), dtype=torch.int64)
    for similarity, match in _once_each(places):
        step = similarity.clamp(-1, 1).add_(1).mul_(STEPS / 2).round_().long()
        for row, kind in enumerate((match, ~match)):
            cells[row] += torch.bincount(step[kind], minlength=STEPS + 1)
    return _pairs(cells, exact=False)


def _pairs(cells: "Tensor", exact: bool) -> Pairs:
    """Of counts [2, m], the least similarity first."""
    genuine, impostor = cells[:, cells.any(dim=0)].flip(1).numpy()
    return Pairs(genuine, impostor, exact)


def _once_each(places: Places) -> "Iterator[tuple[Tensor, Tensor]]":
    """Similarity of every pair once, block by block, and whether it is genuine: [p] each."""
    import torch

    for block in blocks(places):
        # Both meet twice where both ask and are asked for; the one with the later query counts. It never counts itself.
        again = places.gallery[block.queries][:, None] & places.query[block.gallery] & (block.gallery >= block.queries[:, None])
        counted = torch.from_numpy(~again)
        yield block.similarity[counted], block.match[counted]
