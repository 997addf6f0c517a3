"""Which samples a limited run takes."""

from collections import Counter
from types import SimpleNamespace

import pytest

from zoo.runs.sampling import take
from zoo.tasks import Place


def data(targets):
    return SimpleNamespace(ids=[f"s{i:04}" for i in range(len(targets))], targets=targets)


def test_sorted_classes_keep_their_shares():
    positions, how = take(data([0] * 45 + [1] * 45), 60, "classify")
    assert Counter(position < 45 for position in positions) == {True: 30, False: 30}
    assert how == "stratified by class" and list(positions) == sorted(positions)


@pytest.mark.parametrize("limit", [1, 7, 33, 99])
def test_exactly_as_many_as_are_asked_for_and_the_same_every_time(limit):
    dataset = data([i % 3 if i < 60 else 2 for i in range(100)])
    positions, _ = take(dataset, limit, "classify")
    assert len(set(positions)) == limit
    assert take(dataset, limit, "classify")[0] == positions


@pytest.mark.parametrize("limit", [None, 10, 11])
def test_all_is_all(limit):
    assert take(data([0] * 10), limit, "classify") == (range(10), "")


def test_what_is_taken_does_not_hang_on_the_order_of_the_dataset():
    dataset = data([0, 1] * 20)
    turned = SimpleNamespace(ids=dataset.ids[::-1], targets=dataset.targets[::-1])
    names = {dataset.ids[position] for position in take(dataset, 9, "classify")[0]}
    assert {turned.ids[position] for position in take(turned, 9, "classify")[0]} == names


def test_retrieval_keeps_company_for_its_queries():
    many = data([Place(i // 20) for i in range(20 * 100)])
    positions, _ = take(many, 40, "embed")
    classes = Counter(position // 20 for position in positions)
    assert len(positions) == 40 and min(classes.values()) >= 2 and len(classes) > 2


def test_episodes_stay_whole():
    episodes = data([Place(i % 5, "query" if i % 10 < 5 else "gallery", f"e{i // 10}") for i in range(100)])
    positions, how = take(episodes, 30, "embed")
    assert how == "whole episodes"
    assert set(Counter(position // 10 for position in positions).values()) == {10}


def test_targets_that_are_no_labels_are_drawn_at_random():
    positions, how = take(data([None] * 50), 10, "generate")
    assert how == "at random" and len(positions) == 10 and list(positions) != list(range(10))


@pytest.mark.parametrize("limit", [1, 4, 9, 10, None])
def test_of_copies_those_are_taken_whose_originals_would_be(limit):
    base = data([0, 1] * 5)
    copies = SimpleNamespace(ids=[f"{name}@{i}" for name in base.ids for i in range(3)], targets=[], base=base, copies=3)
    positions, how = take(copies, limit, "classify")
    originals, plain = take(base, limit, "classify")
    assert list(positions) == [place * 3 + i for place in originals for i in range(3)]
    assert how == (f"{plain}: {limit}, and all 3 made of each" if plain else "")
