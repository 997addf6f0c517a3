"""Metrics of task attack, folded from `clean` and `adversarial` logits [n, C], `norm`, `within`, counts and `target`.

A sample holds where the victim is right on the clean input and the attack finds no input within eps that it gets wrong. So what
the victim gets wrong anyway stays in the denominator of robust accuracy, and an attack that repairs a sample gains nothing.
Right means as in every metric of classification that the true class's logit is above all others; a tie is a mistake.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, order_statistics, scored, skewed_mean, wilson
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class _Share(Metric):
    """A proportion, with Wilson's interval."""

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        hits, n = int(state["hits"][0]), int(state["n"][0])
        return scored(hits / n, n, wilson(hits, n)) if n else NO_SAMPLES


class CleanAccuracy(_Share):
    """Share of samples that the victim gets right when nobody attacks it."""

    def update(self, rows: Rows) -> State:
        return _counted(right(rows.columns["clean"], rows.columns["target"]))


class RobustAccuracy(_Share):
    """Share of all samples that the victim gets right and goes on getting right under the attack, within eps.

    It is an upper bound of what the victim withstands: another attack may find more. A note says where samples show signs
    of gradient masking (Athalye et al. 2018, arXiv:1802.00420), which makes a gradient attack look weaker than the victim is.
    """

    def update(self, rows: Rows) -> State:
        was_right = right(rows.columns["clean"], rows.columns["target"])
        masked = int((rows.columns["masked"] & was_right).sum())
        return {**_counted(was_right & ~fooled(rows)), "masked": np.array([masked]), "attacked": np.array([was_right.sum()])}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        score = super().compute(state, classes)
        masked, attacked = int(state["masked"][0]), int(state["attacked"][0])
        if not masked:
            return score
        note = f"{masked:,} of {attacked:,} attacked samples show signs of gradient masking: robustness may be only apparent"
        return replace(score, note=note)


class SuccessRate(_Share):
    """Share of the samples that the victim gets right which the attack turns, within eps. n counts those samples."""

    def update(self, rows: Rows) -> State:
        was_right = right(rows.columns["clean"], rows.columns["target"])
        return _counted(fooled(rows)[was_right])


class MedianNorm(Metric):
    """Median norm of the perturbation that fools the victim, over the samples that it gets right, whatever eps is.

    Where the attack fails, the norm that it would take is larger than any that was found, so it counts as infinite; there is
    no value where the attack fails on more than half. Interval: order statistics, whose ranks come from the binomial
    distribution of the number of samples below the median (normal approximation; Conover 1999, section 3.2).
    """

    gathers = True

    def update(self, rows: Rows) -> State:
        columns = rows.columns
        was_right = right(columns["clean"], columns["target"])
        turned = was_right & ~right(columns["adversarial"], columns["target"])
        return {"norm": np.where(turned, columns["norm"], np.inf)[was_right]}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        norms = np.sort(state["norm"])
        n = len(norms)
        if not n:
            return NO_SAMPLES
        low, high = norms[(n - 1) // 2], norms[n // 2]
        if not math.isfinite(high):
            return Score(None, n, interval="none: the attack fails on half of the samples or more, and its norm there is unknown")
        return scored((low + high) / 2, n, order_statistics(norms, "the attack fails on too many samples"))


class _MeanCount(Metric):
    """A mean number of evaluations per attacked sample, that is, per sample that the victim gets right."""

    gathers = True

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        counts = state["count"].astype(np.float64)
        if not len(counts):
            return NO_SAMPLES
        return scored(counts.mean(), len(counts), skewed_mean(counts, int((counts > counts.mean()).sum())))


class Forwards(_MeanCount):
    """Mean number of times that the victim was evaluated on a sample, with a gradient or without."""

    def update(self, rows: Rows) -> State:
        return {"count": rows.columns["forwards"][right(rows.columns["clean"], rows.columns["target"])]}


class Gradients(_MeanCount):
    """Mean number of gradients of the victim that were taken for a sample."""

    def update(self, rows: Rows) -> State:
        return {"count": rows.columns["gradients"][right(rows.columns["clean"], rows.columns["target"])]}


def right(logits: Array, target: Array) -> Array:
    """Whether the true class's logit is above all others, bool [n]."""
    own = np.take_along_axis(logits, target[:, None], axis=1)
    return np.asarray((logits >= own).sum(axis=1) == 1)


def fooled(rows: Rows) -> Array:
    """Whether the attack found an input within eps that the victim gets wrong, bool [n]."""
    return np.asarray(~right(rows.columns["adversarial"], rows.columns["target"]) & rows.columns["within"])


def _counted(hits: Array) -> State:
    return {"hits": np.array([hits.sum()]), "n": np.array([len(hits)])}
