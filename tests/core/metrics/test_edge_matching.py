"""Matching edge pixels: of maximum size, against brute force and scipy, however the predicted pixels come and go."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from zoo.metrics.edge_matching import FREE, Matching, matched, neighbours

PIXELS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20, unique=True).map(
    lambda pixels: np.array(pixels, dtype=np.int64).reshape(-1, 2)
)


def largest(near, present=None):
    """The size of the largest matching, by trying everything."""

    def best(place, taken):
        if place == len(near):
            return 0
        found = best(place + 1, taken)
        for far in near[place] if present is None or present[place] else ():
            if far not in taken:
                found = max(found, 1 + best(place + 1, taken | {far}))
        return found

    return best(0, frozenset())


def by_scipy(near, present, drawn):
    rows = [p for p in range(len(near)) if present[p] for _ in near[p]]
    columns = [g for p in range(len(near)) if present[p] for g in near[p]]
    if not rows:
        return 0
    graph = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(near), drawn))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


@given(PIXELS, PIXELS, st.floats(0, 5))
def test_neighbours_are_all_within_the_radius_nearest_first(drawn, predicted, radius):
    near = neighbours(drawn, predicted, radius)
    for place, found in zip(predicted, near, strict=True):
        distances = np.hypot(*(drawn - place).T) if len(drawn) else np.zeros(0)
        assert sorted(found) == np.flatnonzero(distances <= radius + 1e-9).tolist()
        assert (np.diff(distances[found]) >= 0).all()


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 4), max_size=3, unique=True), max_size=6))
def test_a_matching_is_as_large_as_brute_force_finds(near):
    matching = Matching(near, 5)
    matching.change([], range(len(near)))
    assert matching.size == largest(near)


@settings(max_examples=60, deadline=None)
@given(PIXELS, PIXELS, st.floats(0.5, 3), st.data())
def test_at_every_threshold_the_matching_is_one_and_as_large_as_scipy_finds(drawn, predicted, radius, data):
    near = neighbours(drawn, predicted, radius)
    flags = st.lists(st.booleans(), min_size=len(predicted), max_size=len(predicted))
    steps = data.draw(st.lists(flags, min_size=1, max_size=6))
    present = np.array(steps, dtype=bool).reshape(len(steps), len(predicted))
    hits, sizes = matched(present, near, len(drawn))
    assert not (hits & ~present).any()
    assert hits.sum(axis=1).tolist() == sizes.tolist()
    assert sizes.tolist() == [by_scipy(near, here, len(drawn)) for here in present]


@settings(max_examples=60, deadline=None)
@given(PIXELS, PIXELS, st.data())
def test_partners_are_mutual_neighbours_after_every_change(drawn, predicted, data):
    near = neighbours(drawn, predicted, 1.5)
    matching, here = Matching(near, len(drawn)), set()
    for _ in range(4):
        wanted = set(data.draw(st.sets(st.integers(0, max(len(predicted) - 1, 0))))) if len(predicted) else set()
        matching.change(sorted(here - wanted), sorted(wanted - here))
        here = wanted
        for p, g in enumerate(matching.partner):
            assert g == FREE or (p in here and g in near[p] and matching.drawn_partner[g] == p)
        assert sum(g != FREE for g in matching.partner) == matching.size


def test_a_chain_is_shifted_to_make_room():
    """0-0, 1-0, 1-1, 2-1, ...: the last pixel fits in only if all others move on."""
    near = [[0], [0, 1], [1, 2], [2, 3]]
    matching = Matching(near, 4)
    matching.change([], [3, 2, 1])
    matching.change([], [0])
    assert matching.size == 4 and matching.partner == [0, 1, 2, 3]


def test_what_came_first_stays_matched():
    matching = Matching([[0], [0]], 1)
    matching.change([], [1])
    matching.change([], [0])
    assert matching.partner == [FREE, 0]
    matching.change([1], [])
    assert matching.partner == [0, FREE]


def test_nothing_matches_nothing():
    for drawn, predicted in product((0, 2), (0, 3)):
        near = neighbours(np.zeros((drawn, 2), int), np.full((predicted, 2), 50), 3.0)
        hits, sizes = matched(np.ones((2, predicted), bool), near, drawn)
        assert hits.shape == (2, predicted) and not sizes.any()
