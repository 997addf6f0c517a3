"""Intervals: against published figures and references, and their limits. What they cover, `test_coverage` simulates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import binomtest, ttest_1samp

from zoo.metrics import intervals
from zoo.metrics.intervals import (
    clustered_mean,
    jackknife,
    serial_ratio,
    skewed_mean,
    student,
    student_mean,
    wilson,
    wilson_f1,
    within,
    without_each,
)

proportions = st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_figures(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n)[:2] == pytest.approx((low, high), abs=5e-5)


@given(proportions)
def test_wilson_agrees_with_scipy_and_contains_the_proportion(case: tuple[int, int]) -> None:
    successes, n = case
    low, high, _ = wilson(successes, n)
    reference = binomtest(successes, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert low is not None and high is not None
    assert 0 <= low <= successes / n <= high <= 1


@given(proportions)
def test_wilson_f1_contains_the_f1_and_has_width(case: tuple[int, int]) -> None:
    hits, trials = case
    low, high, _ = wilson_f1(hits, trials)
    assert low is not None and high is not None
    assert 0 <= low <= 2 * hits / (hits + trials) <= high <= 1
    assert low < high


@pytest.mark.parametrize("n", [2, 5, 40, 1000])
def test_the_interval_of_a_mean_is_students(n: int) -> None:
    values = np.random.default_rng(n).gamma(2, size=n)
    low, high, method = student_mean(values)
    assert (low, high) == pytest.approx(tuple(ttest_1samp(values, 0).confidence_interval(0.95)), rel=1e-12)
    assert method == "Student's t"


def test_the_interval_of_a_mean_of_five_covers_it_in_95_of_100_cases() -> None:
    samples = np.random.default_rng(0).normal(3, 2, size=(4000, 5))
    bounds = np.array([student_mean(sample)[:2] for sample in samples], dtype=float)
    covered = ((bounds[:, 0] <= 3) & (bounds[:, 1] >= 3)).mean()
    assert covered == pytest.approx(0.95, abs=0.0125)  # 3.6 standard errors; with 1.96 for t it is 0.88


def test_a_mean_without_variance_has_no_interval() -> None:
    assert student_mean(np.array([1.0])) == (None, None, "none: one sample has no variance")
    for values in ([0.1] * 7, [0.0, 0.0], [-3.0, -3.0 - 1e-13]):
        assert student_mean(np.array(values)) == (None, None, "none: every sample scores the same")


@pytest.mark.parametrize("freedom", [1, 1.0001, 1.5, 2, 3, 4, 7.3, 29, 299.9, 300, 300.1, 1000, 1e6, 1e12])
def test_student_s_t_is_scipy_s_for_whole_and_broken_degrees_of_freedom(freedom: float) -> None:
    assert student(freedom) == pytest.approx(stdtrit(freedom, 0.975), rel=1e-12)


def test_a_skewed_mean_reaches_higher_and_not_lower_than_students() -> None:
    values = np.random.default_rng(0).exponential(size=60)
    found, student = skewed_mean(values, 30), student_mean(values)
    assert found.low == student.low
    assert found.high > student.high
    left = skewed_mean(-values, 30)
    assert left == student_mean(-values)


def test_halls_bound_inverts_his_transformation() -> None:
    """Hall 1992, eq. (2): T + a T²/3 + a² T³/27 + a/(6n), of T = (mean - m)/s and skewness a, equals t/√n at the bound."""
    values = np.random.default_rng(1).lognormal(size=80)
    found = skewed_mean(values, 30)
    spread = values.std(ddof=1)
    skewness = (((values - values.mean()) / spread) ** 3).mean()
    t = (values.mean() - found.high) / spread
    assert t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / (6 * 80) == pytest.approx(-1.99045 / 80**0.5, abs=1e-5)


def test_a_mean_whose_large_values_were_hardly_seen_has_no_interval() -> None:
    values = np.array([0.01] * 50 + [0.02] * 48 + [3.0, 4.0])
    for large, seen in ((2, "2"), (0, "none")):
        assert skewed_mean(values, large).method == (
            f"none: the mean hangs on rare large values, of which 100 samples show {seen}"
        )


def left_out_means(values: np.ndarray) -> np.ndarray:
    return (values.sum() - values) / (len(values) - 1)


@given(st.integers(20, 400), st.integers(0, 2**32 - 1))
def test_a_jackknife_of_a_mean_has_the_variance_of_the_mean(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).beta(2, 2, n)
    low, high, method = jackknife(values.mean(), left_out_means(values))
    p, error = values.mean(), values.std(ddof=1) / n**0.5
    assert method == f"jackknife over {n} samples"
    assert low < p < high
    assert (p - low, high - p) == pytest.approx((2 * error, 2 * error), rel=0.35)


def test_units_of_one_kind_may_be_counted() -> None:
    values = np.repeat([0.0, 0.2, 1.0], [5, 9, 20])
    each = jackknife(values.mean(), left_out_means(values))
    _, first, times = np.unique(values, return_index=True, return_counts=True)
    counted = jackknife(values.mean(), left_out_means(values)[first], times)
    assert counted[:2] == pytest.approx(each[:2], abs=1e-12)


def test_a_jackknife_near_wilson_for_a_proportion() -> None:
    hits = np.repeat([1.0, 0.0], [700, 300])
    assert jackknife(0.7, left_out_means(hits))[:2] == pytest.approx(wilson(700, 1000)[:2], abs=1e-4)


def test_a_value_that_few_units_carry_has_wide_bounds_or_none() -> None:
    few = np.repeat([1.0, 0.0], [4, 196])
    wide = jackknife(few.mean(), left_out_means(few))
    assert wide.high - wide.low > 1.15 * (wilson(4, 200).high - wilson(4, 200).low)
    one = np.eye(1, 200)[0]
    assert jackknife(one.mean(), left_out_means(one)).method == "none: the score hangs on one or two of 200 samples"
    gone = np.where(one > 0, np.nan, 0.5)
    assert jackknife(0.5, gone, units="images").method == "none: the score hangs on one of 200 images"
    assert jackknife(1.0, np.ones(30)).method == "none: none of 30 samples makes a difference to the score"
    assert jackknife(0.5, np.array([0.5])).method == "none: one of the samples has no variance"


def test_hidden_variance_widens() -> None:
    values = np.random.default_rng(0).beta(2, 2, 100)
    plain, wider = (jackknife(values.mean(), left_out_means(values), hidden=hidden) for hidden in (0.0, 1e-3))
    assert wider.low < plain.low < plain.high < wider.high


@pytest.mark.parametrize("n", [1, 7, 100, 101, 1000])
def test_every_unit_is_left_out_once(n: int) -> None:
    weights = without_each(n)
    assert len(weights) == min(n, intervals.GROUPS)
    assert ((weights == 0).sum(axis=0) == 1).all()
    sizes = (weights == 0).sum(axis=1)
    assert sizes.max() - sizes.min() <= 1


def test_values_that_stand_and_fall_together_count_as_one_cluster() -> None:
    rng = np.random.default_rng(0)
    level = rng.beta(2, 2, 30)
    together = clustered_mean(np.repeat(level, 20), np.repeat(np.arange(30), 20), "classes")
    alone = clustered_mean(level, np.arange(30), "classes")
    assert together[:2] == pytest.approx(alone[:2], abs=1e-9)
    assert together.method == "jackknife over 30 classes"
    assert clustered_mean(level[:19], np.arange(19), "classes").low is None
    assert clustered_mean(np.ones(60), np.arange(60) % 20, "classes")[:2] == wilson(20, 20)[:2]


def test_spans_alike_have_a_wider_interval_in_any_direction() -> None:
    rng = np.random.default_rng(0)
    noise, counts = rng.normal(size=400), rng.integers(90, 111, 400)
    slow = np.convolve(rng.normal(size=420), np.ones(20) / 20**0.5, "valid")[:400]
    widths = []
    for level in (noise, slow):
        found = serial_ratio((1.6 + 0.3 * level) * counts, counts)
        assert serial_ratio(((1.6 + 0.3 * level) * counts)[::-1], counts[::-1])[:2] == pytest.approx(found[:2])
        widths.append(found.high - found.low)
    assert widths[1] > 2.5 * widths[0]
    # Of independent spans it is Student's, with fewer degrees of freedom.
    assert widths[0] == pytest.approx(2 * 1.96 * 0.3 / 20, rel=0.35)


def test_few_spans_have_no_interval() -> None:
    assert serial_ratio(np.arange(9.0), np.ones(9)).method == "none: 9 spans are too few to tell how alike neighbours are"


def test_bounds_are_cut_off_at_the_range() -> None:
    assert within(intervals.Interval(-0.1, 1.2, "x"), 0.0, 1.0) == (0.0, 1.0, "x")
    assert within(intervals.no_interval("why"), 0.0).method == "none: why"
