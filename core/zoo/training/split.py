"""The validation split: a part of the training samples that selects the checkpoint. The test split is never touched."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from zoo.data.dataset import Block, Dataset, Sample, SampleSequence, block_of
from zoo.errors import DataError
from zoo.identity.watching import unwatched


def split_validation(
    dataset: Dataset, share: float, seed: int, hold_out: Literal["samples", "classes"] = "samples"
) -> tuple[list[int], list[int]]:
    """Positions of the samples to train on and of those to validate on, each ascending.

    About `share` of every class is held out, and at least one group of every class that has several; samples whose targets
    are no labels, such as masks, count as one class. Samples of one of `dataset.groups` stay together; a group counts for
    its most common class. With `hold_out` "classes" whole classes are held out, about `share` of the samples, and no class is
    on both sides. What is chosen hangs on ids and seed alone, not on the order of the samples. Raises DataError where nothing
    can be held out.
    """
    by_class: dict[Any, list[list[int]]] = defaultdict(list)
    labelled = hasattr(dataset.targets[0], "__index__") and not getattr(dataset.targets[0], "shape", ())
    whole = hold_out == "classes"
    for group in _members(dataset.targets) if whole else _groups(dataset):
        by_class[_label(dataset, group) if labelled and not whole else 0].append(group)
    held_out: set[int] = set()
    for groups in by_class.values():
        held_out.update(_held_out(sorted(groups, key=lambda group: _draw(dataset, group, seed)), share))
    if not held_out:
        raise DataError(
            f"nothing can be held out of {len(dataset.ids)} training samples for validation: "
            + ("there is one class" if whole else "no class has two groups of samples"),
            "add classes" if whole else "add samples, or make their groups smaller",
        )
    positions = range(len(dataset.ids))
    return [i for i in positions if i not in held_out], [i for i in positions if i in held_out]


class Subset(SampleSequence):
    """Some samples of a dataset, in the order of their positions there."""

    def __init__(self, dataset: Dataset, positions: Sequence[int]) -> None:
        self.dataset = dataset
        self.positions = list(positions)
        self.ids = [dataset.ids[i] for i in self.positions]
        self.classes = dataset.classes
        self.fingerprint = hashlib.sha256(f"{dataset.fingerprint}{self.positions}".encode()).hexdigest()
        for name in ("costs", "groups"):
            if (values := getattr(dataset, name, None)) is not None:
                setattr(self, name, [values[i] for i in self.positions])

    @cached_property
    def targets(self) -> list[Any]:
        """Targets in the order of the samples; read when they are first asked for, since masks and images are large."""
        with unwatched():
            return [self.dataset.targets[i] for i in self.positions]

    def __getitem__(self, index: int, /) -> Sample:
        with unwatched():
            return self.dataset[self.positions[index]]

    def block(self, positions: Sequence[int]) -> Block | None:
        """The samples at some positions, where the dataset has them in one piece."""
        with unwatched():
            return block_of(self.dataset, [self.positions[i] for i in positions])


def _groups(dataset: Dataset) -> list[list[int]]:
    """Positions of the samples of each group; a sample without a group is one by itself."""
    names = getattr(dataset, "groups", None)
    if names is None:
        return [[position] for position in range(len(dataset.ids))]
    return _members(names)


def _members(names: Sequence[Any]) -> list[list[int]]:
    """Positions at which each name stands."""
    members: dict[Any, list[int]] = defaultdict(list)
    for position, name in enumerate(names):
        members[name].append(position)
    return list(members.values())


def _label(dataset: Dataset, group: Sequence[int]) -> Any:
    counts = Counter(int(dataset.targets[position]) for position in group)
    return max(counts, key=lambda label: (counts[label], -label))


def _draw(dataset: Dataset, group: Sequence[int], seed: int) -> str:
    """A group's place in the lottery, the same in every process and for every order of samples."""
    return hashlib.sha256(f"{seed}/{min(dataset.ids[position] for position in group)}".encode()).hexdigest()


def _held_out(groups: list[list[int]], share: float) -> list[int]:
    """Samples of the groups of one class, drawn in order while that comes closer to the share; never all groups."""
    if len(groups) < 2:
        return []
    want = share * sum(map(len, groups))
    chosen: list[list[int]] = []
    for group in groups:
        taken = sum(map(len, chosen))
        if taken + len(group) / 2 <= want and len(chosen) < len(groups) - 1:
            chosen.append(group)
    chosen = chosen or [min(groups, key=len)]
    return [position for group in chosen for position in group]
