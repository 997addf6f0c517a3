"""Intervals where a dataset says that some samples stand or fall together: the metric's own, as much wider as groups make it."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import FEWEST_CLUSTERS, Z, no_interval, student

Array = np.ndarray[Any, Any]
Range = tuple[float | None, float | None]
HELD = 4_000_000
"""Weights of samples held at a time: 32 MB."""


def in_groups(
    metric: Metric, score: Score, state: State | None, groups: Sequence[Hashable], classes: tuple[str, ...], bounds: Range
) -> Score:
    """The score with the interval that it has of samples in groups; `state` is what `per_sample` keeps of all of them.

    A sample's influence is what the score loses without it. Where samples are independent, the score's variance is the sum of
    squared influences; where groups are, of the squares of the groups' sums. The interval reaches further by the root of the
    ratio of both (the design effect), and by Student's t of as many groups; it is never made narrower.
    Source: Kish 1965, Survey sampling, section 8.2; Efron & Stein 1981 (jackknife).
    """
    if score.value is None or score.ci_low is None or score.ci_high is None:
        return score
    number: dict[Hashable, int] = {}
    group = np.array([number.setdefault(each, len(number)) for each in groups])
    m = len(number)
    if score.n <= m or (state is not None and metric.clusters(state) is not None):  # it is of groups, or of units of its own
        return score
    if m < FEWEST_CLUSTERS:
        return _without(score, f"{m} groups of samples that stand or fall together are too few to tell how much they differ")
    influence = None if state is None else influences(metric, state, classes, score.value, len(group))
    if influence is None:
        return replace(score, interval=f"{score.interval}, as if samples did not stand or fall together in {m:,} groups")
    centred = influence - influence.mean()
    alone, together = float((centred**2).sum()), float((np.bincount(group, centred) ** 2).sum())
    effect = max(1.0, together / alone) if alone > 0 else len(group) / m  # of equal samples, each group counts as one
    factor = math.sqrt(effect) * student(m - 1) / Z
    low, high = score.value - factor * (score.value - score.ci_low), score.value + factor * (score.ci_high - score.value)
    least, most = bounds
    low, high = low if least is None else max(low, least), high if most is None else min(high, most)
    return replace(score, ci_low=low, ci_high=high, interval=f"{score.interval}, × {factor:.2f} for {m:,} groups of samples")


def influences(metric: Metric, state: State, classes: tuple[str, ...], value: float, n: int) -> Array | None:
    """What the score loses without each sample, float64 [n]; None where the metric has no value of samples drawn anew."""
    values = metric.values(state)
    if values is not None:
        counts = ~np.isnan(values)
        return np.asarray(np.where(counts, np.nan_to_num(values) - value, 0.0) / max(1, counts.sum() - 1))
    found = []
    for start in range(0, n, block := max(1, HELD // n)):
        places = np.arange(start, min(n, start + block))
        weights = np.ones((len(places), n))
        weights[np.arange(len(places)), places] = 0.0
        scores = metric.resampled(state, weights, classes)
        if scores is None or not np.isfinite(scores).all():
            return None
        found.append(value - scores)
    return np.concatenate(found)


def _without(score: Score, why: str) -> Score:
    return replace(score, ci_low=None, ci_high=None, interval=no_interval(why).method)
