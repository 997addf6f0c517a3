"""Two models that are equally good are called different in at most one pair of twenty."""

import pytest
from null_simulation import DESIGNS, RESAMPLES, called_different


@pytest.mark.parametrize("design", DESIGNS)
def test_chance_is_rarely_taken_for_a_difference(design):
    """At most 5 %: of 150 pairs 16 would be one time in a hundred."""
    assert called_different(design, 200 if design.startswith("groups") else 20, 150, 200) <= 15 / 150


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 200, 2000])
@pytest.mark.parametrize("design", ["accuracy, McNemar", "groups of ten, permutation", "nll, permutation"])
def test_at_most_one_of_twenty_pairs_of_equals_is_called_different(design, n):
    if design.startswith("groups") and n == 20:
        pytest.skip("two groups are too few for any difference")
    assert called_different(design, n, 2000, min(RESAMPLES[n], 200)) <= 0.05
