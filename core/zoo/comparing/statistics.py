"""The statistics of two runs on the same samples: bootstrap interval, exact and permutation p-values, Holm's correction.

A statistic is the score of samples drawn from both runs: a function of two weightings, float64 [b, n] each, of the samples as
the first run and as the second run predicted them, to b scores. Samples that stand or fall together are drawn together.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.metrics.intervals import LEVEL, Interval, Z, no_interval

Array = np.ndarray[Any, Any]
Statistic = Callable[[Array, Array], Array]
Bounds = tuple[float, float | None, float | None]
"""A score, and the ends of its interval, if it has one."""

SEED = 0
RESAMPLES = 2000
"""Resamples of a bootstrap, and of a permutation test, whose smallest p-value is then 1 / 2001."""
FEWEST_UNITS = 10
"""Independent units that a bootstrap needs."""
HELD = 2_000_000
"""Weights held at a time: 16 MB, twice."""
ROUNDING = 1e-9
"""Relative difference below which two scores are equal."""


def mcnemar(first_only: int, second_only: int) -> float:
    """Exact two-sided p-value that two classifiers are right equally often, of how many samples only the one gets right.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions", with the binomial
    distribution in place of its approximation. Parity: `scipy.stats.binomtest`.
    """
    from scipy.special import bdtr

    changed = first_only + second_only
    return min(1.0, 2 * float(bdtr(min(first_only, second_only), changed, 0.5))) if changed else 1.0


class Chance(NamedTuple):
    """A p-value, and the upper end of what resampling leaves open of it: of 100 such ends 99 lie above the exact p."""

    p: float
    bound: float


def permuted(statistic: Statistic, unit: Array, resamples: int, seed: int) -> Chance:
    """Two-sided p-value that both runs are alike: where they are, a unit's predictions might as well be the other's.

    `unit` int [n] in 0 ... m - 1 says of which independent unit a sample is. The share of random exchanges, the observed one
    among them, whose difference is at least as large.
    Source: Fisher 1935; Yeh 2000, "More accurate tests for the statistical significance of result differences"; Phipson & Smyth
    2010, "Permutation p-values should never be zero"; Clopper & Pearson 1934 (the bound).
    Parity: `scipy.stats.permutation_test(permutation_type="samples")`.
    """
    from scipy.special import betaincinv

    ones = np.ones((1, len(unit)))
    observed = abs(float((statistic(ones, 0 * ones) - statistic(0 * ones, ones))[0]))
    rng = np.random.default_rng((SEED, seed, 1))
    reached = 0
    for b in _blocks(resamples, len(unit)):
        kept = rng.integers(0, 2, size=(b, int(unit.max()) + 1), dtype=np.int8)[:, unit].astype(np.float64)
        apart = np.abs(statistic(kept, 1 - kept) - statistic(1 - kept, kept))
        reached += int((apart >= observed * (1 - ROUNDING) - 1e-15).sum())
    bound = float(betaincinv(reached + 1, resamples - reached, 0.99)) if reached < resamples else 1.0
    return Chance((reached + 1) / (resamples + 1), bound)


def bootstrapped(statistic: Statistic, unit: Array, resamples: int, seed: int, units: str) -> Interval:
    """95 % interval of the first score minus the second, of units drawn anew for both at once: a paired bootstrap.

    Percentiles, taken further out so that a mean of few units gets the width that Student's t gives it.
    Source: Efron & Tibshirani 1993, chapter 13; Hesterberg 2015, "What teachers should know about the bootstrap",
    arXiv:1411.5279, section 5.3 (expanded percentile interval).
    """
    from scipy.special import ndtr, stdtrit

    m = int(unit.max()) + 1
    if m < FEWEST_UNITS:
        return no_interval(f"{m} {units} are too few")
    rng = np.random.default_rng((SEED, seed, 2))
    ones, none = np.ones((1, len(unit))), np.zeros((1, len(unit)))
    value = float((statistic(ones, none) - statistic(none, ones))[0])
    found = []
    for b in _blocks(resamples, len(unit)):
        drawn = rng.integers(0, m, size=(b, m)) + m * np.arange(b)[:, None]
        times = np.bincount(drawn.ravel(), minlength=b * m).reshape(b, m)[:, unit].astype(np.float64)
        nothing = np.zeros_like(times)
        found.append(statistic(times, nothing) - statistic(nothing, times))
    apart = np.concatenate(found)
    if not np.isfinite(apart).all():
        return no_interval("some resamples have no score")
    if np.ptp(apart) <= ROUNDING * max(1.0, abs(value)):
        return no_interval(f"none of {m:,} {units} tells the runs apart")
    outer = float(ndtr(math.sqrt(m / (m - 1)) * stdtrit(m - 1, (1 - LEVEL) / 2)))
    low, high = np.quantile(apart, [outer, 1 - outer])
    return Interval(float(min(low, value)), float(max(high, value)), f"paired bootstrap over {m:,} {units}")


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that hold for all of several comparisons at once.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def apart_by_intervals(
    first: tuple[float, float | None, float | None], second: tuple[float, float | None, float | None]
) -> float | None:
    """p-value that two scores are of one true score, each given as value, lower and upper bound, as if of unrelated samples.

    Of the same samples differences vary less, so that this finds fewer. None where either has no interval.
    """
    spreads = [_spread(of, other[0]) for of, other in ((first, second), (second, first))]
    if spreads[0] is None or spreads[1] is None:
        return None
    apart, spread = abs(first[0] - second[0]), math.hypot(*(of for of in spreads if of is not None))
    return math.erfc(apart / spread / math.sqrt(2)) if spread else None


def _spread(of: Bounds, other: float) -> float | None:
    """The standard error of a score towards another one, of its interval's half on that side."""
    value, low, high = of
    if low is None or high is None:
        return None
    return (high - value if other > value else value - low) / Z


def mean_statistic(first: Array, second: Array) -> Statistic:
    """The mean of values float64 [n] of either run, NaN where a sample does not count."""
    tops, counts = [np.nan_to_num(of) for of in (first, second)], [(~np.isnan(of)).astype(np.float64) for of in (first, second)]

    def mean(of_first: Array, of_second: Array) -> Array:
        top = of_first @ tops[0] + of_second @ tops[1]
        bottom = of_first @ counts[0] + of_second @ counts[1]
        return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))

    return mean


def _blocks(resamples: int, n: int) -> Iterator[int]:
    """How many resamples of n samples are held at a time."""
    size = max(1, HELD // max(1, n))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
