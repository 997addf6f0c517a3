"""Ranks as intervals, letters of ties, and the Pareto front."""

import string
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from zoo.comparing.ranking import mid_ranks, pareto_front, rank_intervals, tie_groups

WORSE = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.booleans(), min_size=n * n, max_size=n * n).map(
        lambda flags: [[j < i and flags[i * n + j] for j in range(n)] for i in range(n)]
    )
)


def test_who_cannot_be_told_apart_shares_a_rank():
    chain = [[False, False, False], [False, False, False], [True, False, False]]  # only the last is worse than the first
    assert rank_intervals(chain) == [(1, 2), (1, 3), (2, 3)]
    assert tie_groups(chain) == ["a", "ab", "b"]


def test_all_alike_are_one_group_and_all_apart_have_a_rank_each():
    assert rank_intervals([[False] * 3] * 3) == [(1, 3)] * 3 and tie_groups([[False] * 3] * 3) == ["a"] * 3
    apart = [[j < i for j in range(3)] for i in range(3)]
    assert rank_intervals(apart) == [(1, 1), (2, 2), (3, 3)] and tie_groups(apart) == ["a", "b", "c"]


@given(WORSE)
def test_entries_share_a_letter_if_and_only_if_they_cannot_be_told_apart(worse):
    letters = tie_groups(worse)
    assert all(set(own) <= set(string.ascii_lowercase) and own for own in letters)
    for i, j in combinations(range(len(worse)), 2):
        assert bool(set(letters[i]) & set(letters[j])) == (not worse[i][j] and not worse[j][i])


@given(WORSE)
def test_a_rank_interval_holds_the_place_in_order(worse):
    """Entries stand in the order of their values, and a later one is never surely better."""
    assert all(low <= place <= high for place, (low, high) in enumerate(rank_intervals(worse), start=1))


def test_the_front_holds_what_nothing_beats_in_both():
    assert pareto_front([(0.9, 10.0), (0.95, 5.0), (0.8, 9.0), None, (0.9, 10.0)]) == [True, True, False, None, True]


def test_equal_values_share_the_mean_of_their_ranks():
    assert mid_ranks([0.5, 0.9, 0.5]) == [2.5, 1, 2.5]
