"""The validation split: whole groups, every class, the same in every process."""

import os
import subprocess
import sys
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.dataset import ArrayDataset
from zoo.errors import DataError
from zoo.training.split import Subset, split_validation


def dataset(targets: list[int], groups: list[int] | None = None, order: list[int] | None = None) -> ArrayDataset:
    order = order or list(range(len(targets)))
    return ArrayDataset(
        torch.arange(len(targets)).float()[order, None],
        [targets[i] for i in order],
        [f"s{i:04}" for i in order],
        ("a", "b", "c"),
        groups=None if groups is None else [groups[i] for i in order],
    )


samples = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15)), min_size=2, max_size=80)
shares = st.floats(0.05, 0.5)


@given(samples, shares, st.integers(0, 2**31))
def test_every_sample_is_on_one_side_and_no_group_on_both(rows: list[tuple[int, int]], share: float, seed: int) -> None:
    data = dataset([target for target, _ in rows], [group for _, group in rows])
    try:
        trained, validated = split_validation(data, share, seed)
    except DataError:
        assert all(count == 1 for count in Counter(_labels(rows).values()).values())
        return
    assert sorted(trained + validated) == list(range(len(rows)))
    assert trained
    assert validated
    assert not {rows[i][1] for i in trained} & {rows[i][1] for i in validated}


@given(st.lists(st.integers(0, 2), min_size=2, max_size=60), shares, st.integers(0, 2**31))
def test_whole_classes_may_be_held_out(targets: list[int], share: float, seed: int) -> None:
    if len(set(targets)) == 1:
        with pytest.raises(DataError, match="there is one class"):
            split_validation(dataset(targets), share, seed, "classes")
        return
    trained, validated = split_validation(dataset(targets), share, seed, "classes")
    assert sorted(trained + validated) == list(range(len(targets)))
    assert trained
    assert validated
    assert not {targets[i] for i in trained} & {targets[i] for i in validated}


def _labels(rows: list[tuple[int, int]]) -> dict[int, int]:
    """Group to its most common class, the smallest of equals."""
    counts = {group: Counter(target for target, other in rows if other == group) for _, group in rows}
    return {group: min(count, key=lambda target: (-count[target], target)) for group, count in counts.items()}


@given(st.lists(st.integers(0, 2), min_size=6, max_size=90), shares, st.integers(0, 9))
def test_each_class_gives_its_share_to_within_one_sample(targets: list[int], share: float, seed: int) -> None:
    counts = Counter(targets)
    _, validated = split_validation(dataset(targets), share, seed)
    for label, held_out in Counter(targets[i] for i in validated).items():
        assert abs(held_out - share * counts[label]) <= 1
    assert {targets[i] for i in validated} == {label for label, count in counts.items() if count > 1}


@given(st.data())
def test_the_choice_hangs_on_ids_not_on_order(data: st.DataObject) -> None:
    rows = data.draw(samples.filter(lambda rows: len(rows) >= 40))
    order = data.draw(st.permutations(range(len(rows))))
    targets, groups = [target for target, _ in rows], [group for _, group in rows]
    straight, shuffled = dataset(targets, groups), dataset(targets, groups, list(order))
    try:
        first = {straight.ids[i] for i in split_validation(straight, 0.2, 3)[1]}
    except DataError:
        return
    assert first == {shuffled.ids[i] for i in split_validation(shuffled, 0.2, 3)[1]}


def test_other_seeds_choose_others() -> None:
    data = dataset([0, 1, 2] * 30)
    assert split_validation(data, 0.2, 0) != split_validation(data, 0.2, 1)


@pytest.mark.slow
def test_hash_randomisation_changes_nothing() -> None:
    code = (
        "import torch; from zoo.data import ArrayDataset; from zoo.training.split import split_validation;"
        "n = 40; data = ArrayDataset(torch.zeros(n, 1), [i % 2 for i in range(n)], [str(i) for i in range(n)], 'ab',"
        " groups=[f'g{i // 3}' for i in range(n)]); print(split_validation(data, 0.3, 5))"
    )
    outputs = set()
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        outputs.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout)
    assert len(outputs) == 1


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(DataError, match="held out"):
        split_validation(dataset([0] * 9, [1] * 9), 0.1, 0)


def test_a_subset_is_a_dataset_of_its_own() -> None:
    data = ArrayDataset(["a", "bb", "ccc"], [0, 1, 0], ["x", "y", "z"], ("n", "p"), groups=[1, 2, 3])
    subset = Subset(data, [2, 0])
    assert [sample.id for sample in subset] == subset.ids == ["z", "x"]
    assert (subset.targets, subset.costs, subset.groups) == ([0, 0], [3, 1], [3, 1])
    assert subset.fingerprint not in (data.fingerprint, Subset(data, [0, 2]).fingerprint)
