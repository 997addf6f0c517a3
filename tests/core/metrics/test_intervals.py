"""Intervals: against published figures and references, and their coverage in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial, ttest_1samp

from zoo.metrics import intervals
from zoo.metrics.intervals import bootstrap, reflected, student_mean, wilson, wilson_f1

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


@pytest.mark.parametrize("counts", [[40, 30, 20, 10], [4, 3, 2, 1]], ids=["by kind", "by sample"])
def test_bootstrap_draws_multinomial_counts_either_way(counts: list[int]) -> None:
    seen: list[np.ndarray] = []
    by_kind = 12 * len(counts) < sum(counts)
    assert by_kind == (sum(counts) == 100)
    bootstrap(np.array(counts), lambda weights: (seen.append(weights), weights[:, 0] * 1.0)[1])
    drawn = np.concatenate(seen)
    law = multinomial(sum(counts), np.array(counts) / sum(counts))
    assert drawn.shape == (2000, 4)
    assert (drawn.sum(axis=1) == sum(counts)).all()
    # 2000 draws: standard error of a mean is below 0.11, of a covariance below 5 % of the largest variance.
    np.testing.assert_allclose(drawn.mean(axis=0), counts, atol=0.45)
    np.testing.assert_allclose(np.cov(drawn.T), law.cov(), atol=0.2 * law.cov().max())


def test_bootstrap_is_seeded_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.array([300, 500, 200])
    whole = bootstrap(counts, lambda weights: weights[:, 0] / 1000)
    monkeypatch.setattr(intervals, "_CHUNK", 30)
    np.testing.assert_array_equal(bootstrap(counts, lambda weights: weights[:, 0] / 1000), whole)


def test_bootstrap_of_very_many_samples_draws_fewer_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "_WORK", 100_000)
    assert len(bootstrap(np.ones(100, dtype=np.int64), lambda weights: weights[:, 0] * 1.0)) == 1000
    assert len(bootstrap(np.ones(5000, dtype=np.int64), lambda weights: weights[:, 0] * 1.0)) == 200


def test_bootstrap_interval_of_a_proportion_is_near_wilson() -> None:
    low, high, method = reflected(0.7, bootstrap(np.array([700, 300]), lambda weights: weights[:, 0] / 1000))
    assert (low, high) == pytest.approx(wilson(700, 1000)[:2], abs=0.003)
    assert method == "basic bootstrap, 2000 replicates"


def test_bootstrap_interval_takes_out_the_bias_of_resampling() -> None:
    low, high, _ = reflected(0.5, np.linspace(0.3, 0.5, 2001))
    assert (low, high) == pytest.approx((0.505 - 0.005, 0.695))  # widened down to the value
    assert low == 0.5


def test_bootstrap_interval_stays_within_the_unit_range() -> None:
    replicates = np.random.default_rng(0).normal(0.5, 0.2, 2000)
    assert reflected(0.02, replicates).low == 0
    assert reflected(0.98, replicates).high == 1


def test_resamples_that_all_agree_give_no_interval() -> None:
    assert reflected(1.0, np.ones(2000)) == (None, None, "none: every resample scores the same")
