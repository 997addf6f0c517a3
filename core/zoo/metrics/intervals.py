"""95 % intervals: Wilson's for proportions, Student's for means, a jackknife over independent units for the rest.

Every interval contains its value. They speak of sampling: what another test set of this size, drawn alike, might give.
What is printed covers the true score in at least 92 % of simulated datasets of 1,000 units, 90 % of 100 and 85 % of 20
(`docs/intervals.md`); where no method does, there is no interval, and its `method` says why.
"""

import math
from functools import cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from zoo.metrics.base import Score

Array = np.ndarray[Any, Any]

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
SEED = 0
GROUPS = 100
"""Groups of units that a jackknife leaves out in turn, where leaving out each unit would take too long."""
FEWEST_LARGE = 5
"""Large values that a skewed mean must have seen."""
FEWEST_CLUSTERS = 20
FEWEST_SPANS = 10


class Interval(NamedTuple):
    """Bounds and the method behind them; where there are no bounds, `method` says why."""

    low: float | None
    high: float | None
    method: str


def scored(value: float, n: int, interval: Interval, note: str = "") -> Score:
    """The score of `n` samples with its interval."""
    return Score(float(value), n, interval.low, interval.high, interval.method, note=note)


NO_SAMPLES = Score(None, 0, interval="none: no samples")


def no_interval(reason: str) -> Interval:
    """No bounds, and why."""
    return Interval(None, None, f"none: {reason}")


def within(interval: Interval, lowest: float, highest: float = math.inf) -> Interval:
    """The interval, cut off at the ends of the score's range."""
    if interval.low is None or interval.high is None:
        return interval
    return Interval(max(lowest, interval.low), min(highest, interval.high), interval.method)


def wilson(successes: int, n: int, together: int = 1) -> Interval:
    """Wilson's score interval of the proportion `successes / n`, n ≥ 1, within [0, 1].

    Of `together` such intervals all hold at once with at least 95 % (Bonferroni): each has its share of the remaining 5 %.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", without continuity
    correction; parity: `scipy.stats.binomtest(successes, n).proportion_ci(method="wilson")`.
    """
    level = 1 - (1 - LEVEL) / together
    z = NormalDist().inv_cdf((1 + level) / 2)
    return _containing(successes / n, *_score_bounds(successes / n, n, z), "Wilson")


def wilson_f1(hits: int, trials: int) -> Interval:
    """Interval of an F1 = 2 hits / (hits + trials), where `trials` ≥ 1 counts true and false positives and false negatives.

    F1 = 2J / (1 + J) grows with J = hits / trials, a proportion, whose Wilson interval it maps. Unlike a bootstrap it keeps
    its coverage in small samples and has width at F1 = 1.
    Source: Lam, Gopal and Qian 2023, arXiv:2309.14621, the Wilson direct method.
    """
    low, high, _ = wilson(hits, trials)
    assert low is not None and high is not None
    return _containing(2 * hits / (hits + trials), 2 * low / (1 + low), 2 * high / (1 + high), "Wilson direct")


def student_mean(values: Array) -> Interval:
    """mean ± t s / √n of float64 [n], s and Student's t with n - 1 degrees of freedom; none where s is 0 or n is 1.

    Exact for normal samples; of five, 1.96 in place of t would cover 88 % where 95 % are promised.
    Source: Student 1908, "The probable error of a mean"; parity: `scipy.stats.ttest_1samp(values, 0).confidence_interval()`.
    """
    n = len(values)
    if n < 2:
        return no_interval("one sample has no variance")
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        return no_interval("every sample scores the same")
    mean, half = values.mean(), student(n - 1) * values.std(ddof=1) / n**0.5
    return _containing(mean, mean - half, mean + half, "Student's t")


def skewed_mean(values: Array, large: int) -> Interval:
    """Interval of the mean of float64 [n] with a long tail to the right: Student's lower bound, and Hall's upper one.

    A sample that shows little of the tail puts mean and spread too low together, so that Student's upper bound misses far
    more often than its lower one; Hall's allows for the skewness, and the larger of both is taken. What no sample shows no
    method knows: `large` says how many values belong to the tail, of which there must be five.
    Source: Hall 1992, "On the removal of skewness by transformation", the cubic transformation.
    """
    found = student_mean(values)
    if found.low is None or found.high is None:
        return found
    n = len(values)
    if large < FEWEST_LARGE:
        return no_interval(f"the mean hangs on rare large values, of which {n:,} samples show {large or 'none'}")
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    skewness = float((((values - mean) / spread) ** 3).mean())
    if skewness <= 0:
        return found
    reached = 1 + skewness * (-student(n - 1) / n**0.5 - skewness / (6 * n))
    high = mean - spread * 3 / skewness * (np.cbrt(reached) - 1)
    return _containing(mean, found.low, max(found.high, float(high)), "Student's t below, Hall's above")


def jackknife(value: float, left_out: Array, times: Array | None = None, units: str = "samples", hidden: float = 0.0) -> Interval:
    """Interval of a value in [0, 1] from what it is without one unit: float64 [m], each of which stands for `times` units.

    `hidden` is variance that the units cannot show.

    The jackknife's variance V makes the value as sure as a proportion of p (1 - p) / V samples, whose Wilson interval it gets,
    with Student's t. As few units may carry the value (a class that three images have), t has as many degrees of freedom as
    the spread of a variance estimate from values of this kurtosis k: 2 n / (k - 1), which is n for normal ones. It reaches
    as far as the same interval about the value less the jackknife's estimate of its bias, as many small classes bring about.
    Source: Efron & Stein 1981, "The jackknife estimate of variance", which is never too small in expectation; Korn & Graubard
    1998, "Confidence intervals for proportions with small expected number of positive counts" (effective sample size);
    Satterthwaite 1946 (degrees of freedom).
    """
    counts = np.ones(len(left_out)) if times is None else times
    n = int(counts.sum())
    if n < 2:
        return no_interval(f"one of the {units} has no variance" if n else f"there are no {units}")
    if np.isnan(left_out).any():
        return no_interval(f"the score hangs on one of {n:,} {units}")
    mean = float((counts * left_out).sum()) / n
    apart = left_out - mean
    squares = float((counts * apart**2).sum())
    variance = (n - 1) / n * squares + hidden
    if squares < 1e-20 or not 0 < value < 1:
        return no_interval(f"none of {n:,} {units} makes a difference to the score")
    kurtosis = n * float((counts * apart**4).sum()) / squares**2
    freedom = min(n - 1, 2 * n / (kurtosis - 1)) if kurtosis > 1 else n - 1
    if freedom < 3:
        return no_interval(f"the score hangs on one or two of {n:,} {units}")
    unbiased = min(max(value - (n - 1) * (mean - value), 0.001), 0.999)
    bounds = [_score_bounds(p, p * (1 - p) / variance, student(freedom)) for p in (value, unbiased)]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    return _containing(value, low, high, f"jackknife over {n:,} {units}")


def without_each(n: int) -> Array:
    """Weights [g, n] of n units that leave out one unit each, or one of `GROUPS` groups of them: float32, 0 or 1."""
    groups = min(n, GROUPS)
    return np.asarray(np.arange(n) % groups != np.arange(groups)[:, None], dtype=np.float32)


def clustered_mean(values: Array, clusters: Array, units: str) -> Interval:
    """Interval of the mean of values in [0, 1], float64 [n], that stand or fall together within a cluster, int [n].

    A jackknife over clusters, of which there must be 20. Where all values are 0, or all are 1, each cluster counts as one.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    sizes, sums = np.bincount(cluster), np.bincount(cluster, values)
    c, mean = len(sizes), float(values.mean())
    if c < FEWEST_CLUSTERS:
        return no_interval(f"{c} of the {units} are too few to tell how much they differ")
    if mean in (0.0, 1.0):
        return wilson(round(mean) * c, c)._replace(method=f"Wilson over {c:,} {units}")
    return jackknife(mean, (sums.sum() - sums) / (len(values) - sizes), units=units)


def order_statistics(ordered: Array, unbounded: str) -> Interval:
    """Interval of the median of ascending values [n], of which the last may be infinite: `unbounded` says what that means.

    The ranks of its bounds come from the binomial distribution of the number of samples below the median, in its normal
    approximation. Source: Conover 1999, Practical Nonparametric Statistics, section 3.2.
    """
    n = len(ordered)
    half = Z * math.sqrt(n) / 2
    first, last = math.floor(n / 2 - half), math.ceil(n / 2 + 1 + half) - 1
    if first < 0 or last >= n:
        return no_interval(f"{n} samples are too few for order statistics")
    if not math.isfinite(ordered[last]):
        return no_interval(f"{unbounded} to bound the median from above")
    return Interval(float(ordered[first]), float(ordered[last]), "order statistics")


def serial_ratio(totals: Array, counts: Array) -> Interval:
    """Interval of Σ totals / Σ counts, float64 [n] each, of n spans of text in order, whose neighbours may be alike.

    The long-run variance of the spans is that of their first √n / 2 cosine averages, which see slow drifts alone, with
    Student's t of as many degrees of freedom. Order that means nothing costs little: the interval is only slightly wider.
    Source: Müller 2007, "A theory of robust long-run variance estimation"; Lazarus, Lewis, Stock & Watson 2018, "HAR inference".
    """
    from scipy.fft import dct

    n = len(totals)
    if n < FEWEST_SPANS:
        return no_interval(f"{n} spans are too few to tell how alike neighbours are")
    ratio = float(totals.sum() / counts.sum())
    waves = max(2, round(n**0.5 / 2))
    averages = dct(totals - ratio * counts, norm="ortho")[1 : waves + 1]
    error = float(np.sqrt((averages**2).mean() / n)) / float(counts.mean())
    half = student(waves) * error
    return _containing(ratio, ratio - half, ratio + half, f"Student's t of {waves} cosine averages")


def _score_bounds(p: float, n: float, z: float) -> tuple[float, float]:
    """Bounds of Wilson's score interval of a proportion p of n samples, at z standard errors."""
    shrink = 1 + z**2 / n
    centre = (p + z**2 / (2 * n)) / shrink
    half = z / shrink * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    # At 0 and n one bound equals the value exactly, and rounding must not push it past.
    return max(0.0, centre - half), min(1.0, centre + half)


def student(freedom: float) -> float:
    """Student's t at the upper end of a 95 % interval, for 1 or more degrees of freedom, to 12 digits.

    By t = √ν tan θ the density becomes cos^(ν - 1) θ, whose integral from 0 Newton's method solves for the angle; above 300
    degrees by the expansion about the normal quantile, Abramowitz & Stegun 1964, 26.7.5. Not by `scipy.special.stdtrit`, its
    parity: importing that takes longer than all else of scoring a finished run.
    """
    if freedom > 300:
        return Z + sum(term / freedom**power for power, term in enumerate(_EXPANSION, 1))
    nodes, weights = _quadrature()
    height = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    angle = math.atan(Z / math.sqrt(freedom))  # below the solution, from where Newton's method only rises
    for _ in range(20):
        below = height * angle / 2 * float(weights @ np.cos(angle / 2 * (nodes + 1)) ** (freedom - 1))
        step = (LEVEL / 2 - below) / (height * math.cos(angle) ** (freedom - 1))
        angle += step
        if abs(step) <= 1e-15 * angle:
            break
    return math.sqrt(freedom) * math.tan(angle)


@cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Legendre on [-1, 1]: float64 [32] each."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    return nodes, weights


_EXPANSION = (
    (Z**3 + Z) / 4,
    (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
    (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
)


def _containing(value: float, low: float, high: float, method: str) -> Interval:
    return Interval(float(min(low, value)), float(max(high, value)), method)
