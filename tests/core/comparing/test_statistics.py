"""The statistics of comparisons: parity with scipy, exact cases, and how often chance is taken for a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.comparing.statistics import bootstrapped, holm, mcnemar, mean_statistic, permuted

EACH = np.arange


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_scipys_binomial_test(first_only, second_only):
    from scipy.stats import binomtest

    found = mcnemar(first_only, second_only)
    if first_only + second_only:
        assert found == pytest.approx(binomtest(first_only, first_only + second_only).pvalue, rel=1e-9)


def test_holm_is_the_example_of_its_definition():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_steps_reject(p_values):
    """The smallest against alpha / m, the next against alpha / (m - 1), until one is not rejected."""
    m, alpha = len(p_values), 0.05
    rejected = set()
    for rank, place in enumerate(sorted(range(m), key=p_values.__getitem__)):
        if p_values[place] * (m - rank) > alpha:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p <= alpha} == rejected


def test_the_permutation_test_is_scipys():
    from scipy.stats import permutation_test

    rng = np.random.default_rng(0)
    first, second = rng.normal(0.45, 1, 12), rng.normal(0, 1, 12)
    exact = permutation_test(
        (first, second), lambda a, b: a.mean() - b.mean(), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    found = permuted(mean_statistic(first, second), EACH(12), 20_000, seed=0).p
    assert found == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_000) ** 0.5)


def test_the_interval_of_normal_differences_is_students():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(1)
    first, second = rng.normal(0.3, 1, 40), rng.normal(0, 1, 40)
    found = bootstrapped(mean_statistic(first, second), EACH(40), 20_000, 0, "samples")
    expected = ttest_rel(first, second).confidence_interval()
    width = expected.high - expected.low
    assert abs(found.low - expected.low) < 0.05 * width and abs(found.high - expected.high) < 0.05 * width


def test_runs_that_are_equal_have_p_1_and_no_interval():
    values = np.random.default_rng(2).normal(size=50)
    statistic = mean_statistic(values, values)
    assert permuted(statistic, EACH(50), 200, 0) == (1, 1)
    assert bootstrapped(statistic, EACH(50), 200, 0, "samples").method == "none: none of 50 samples tells the runs apart"


def test_samples_that_do_not_count_are_left_out_of_the_mean():
    statistic = mean_statistic(np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0, np.nan]))
    ones, none = np.ones((1, 3)), np.zeros((1, 3))
    assert statistic(ones, none)[0] == 2 and statistic(none, ones)[0] == 3.5


def test_a_seed_gives_the_same_again():
    rng = np.random.default_rng(3)
    statistic = mean_statistic(rng.normal(size=30), rng.normal(size=30))
    assert permuted(statistic, EACH(30), 500, 7) == permuted(statistic, EACH(30), 500, 7)
    assert bootstrapped(statistic, EACH(30), 500, 7, "x") == bootstrapped(statistic, EACH(30), 500, 7, "x")
    assert bootstrapped(statistic, EACH(30), 500, 7, "x") != bootstrapped(statistic, EACH(30), 500, 8, "x")


def test_samples_of_one_unit_are_exchanged_and_drawn_together():
    """Every sample ten times over says no more than once."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.6, 1, 20), rng.normal(0, 1, 20)
    once = mean_statistic(first, second)
    tenfold = mean_statistic(first.repeat(10), second.repeat(10))
    unit = np.arange(20).repeat(10)
    assert permuted(tenfold, unit, 1000, 0) == permuted(once, EACH(20), 1000, 0)
    assert permuted(tenfold, EACH(200), 1000, 0) < permuted(once, EACH(20), 1000, 0)
    np.testing.assert_allclose(
        bootstrapped(tenfold, unit, 1000, 0, "")[:2], bootstrapped(once, EACH(20), 1000, 0, "")[:2], rtol=1e-9
    )
