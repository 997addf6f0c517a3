"""Metrics of verification: are two samples of one class? A pair is accepted where its similarity reaches a threshold.

Pairs are those of a query and an item of its episode's gallery; two samples that are both query and gallery are one pair,
and no sample is paired with itself. Pairs of equal similarity are accepted together, or not at all.
Similarities are counted in 2^22 steps of 4.8e-7, about the precision of a cosine in float32: all pairs count, and none is held.
"""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from zoo.metrics.base import Score
from zoo.metrics.embed import Array, EmbedMetric, Places, blocks, once, undefined
from zoo.metrics.intervals import no_interval, scored

STEPS = 2**22


class Pairs(NamedTuple):
    """Genuine pairs (of one class) and impostor pairs at each similarity that occurs, int64 [m], the largest first."""

    genuine: Array
    impostor: Array

    @property
    def rates(self) -> tuple[Array, Array]:
        """Share of impostor and of genuine pairs accepted at m + 1 thresholds, from none accepted to all; float64."""
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
        return scored(value, genuine + impostor, no_interval("pairs share samples, so they are not independent"))

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
    """Pairs at each similarity, counted in one pass and constant memory."""
    import torch

    counts = torch.zeros(2 * (STEPS + 1), dtype=torch.int64)
    for block in blocks(places):
        # Both meet twice where both ask and are asked for; the one with the later query counts. It never counts itself.
        again = places.gallery[block.queries][:, None] & places.query[block.gallery] & (block.gallery >= block.queries[:, None])
        step = block.similarity.clamp_(-1, 1).add_(1).mul_(STEPS / 2).round_().long()
        step.mul_(2).add_(block.match)
        counts += torch.bincount(step[torch.from_numpy(~again)], minlength=len(counts))
    by_step = counts.view(-1, 2).flip(0)
    found = by_step[by_step.any(dim=1)].numpy()
    return Pairs(found[:, 1], found[:, 0])
