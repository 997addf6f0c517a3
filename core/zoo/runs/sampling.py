"""Which samples a limited run takes: a fixed lottery of their ids, with every class as large a share as it has in the whole."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from zoo.data.dataset import Dataset
from zoo.tasks.by_name import declared_task

PLENTY = 4
"""Samples of a class that retrieval needs at least, so that a query has somebody to find."""


def take(dataset: Dataset, limit: int | None, task: str) -> tuple[Sequence[int], str]:
    """Ascending positions of the samples to run on, and how they were taken: empty where all are.

    Where targets are labels, the sample is stratified; of places of episodes, whole episodes are taken as long as they
    fit; else any sample is as likely as any other. What is taken hangs on ids, labels and limit alone: not on the run's
    seed, so that runs of several seeds meet the same samples, nor on the order of the dataset. Of a dataset made of another's
    samples, those are taken that the other would take, with all that is made of each.
    """
    base, copies = copied(dataset)
    if copies > 1:
        chosen, how = take(base, limit, task)
        positions = [place * copies + copy for place in chosen for copy in range(copies)]
        return (positions, f"{how}: {len(chosen):,}, and all {copies} made of each") if how else (range(len(dataset.ids)), "")
    count = len(dataset.ids)
    if limit is None or limit >= count:
        return range(count), ""
    drawn = sorted(range(count), key=lambda position: _lot(dataset.ids[position]))
    targets = dataset.targets if declared_task(task).labels else None
    episodes = [getattr(target, "episode", "") for target in targets] if targets is not None else []
    if any(episodes):
        return sorted(_in_groups(drawn, episodes)[:limit]), "whole episodes"
    labels = [_label(target) for target in targets] if targets is not None else [None]
    if None in labels:
        return sorted(drawn[:limit]), "at random"
    if task == "embed":
        kept = set(sorted(set(labels), key=lambda label: _lot(f"class {label}"))[: max(2, limit // PLENTY)])
        among = [position for position in drawn if labels[position] in kept]
        drawn = among if len(among) >= limit else drawn
    return sorted(_stratified(drawn, labels, limit)), "stratified by class"


def copied(dataset: Dataset) -> tuple[Dataset, int]:
    """The dataset whose samples are here, changed, and how many times each: of most datasets themselves, and once."""
    return getattr(dataset, "base", dataset), getattr(dataset, "copies", 1)


def groups_of(dataset: Dataset) -> "Sequence[Any] | None":
    """Of each sample the group that stands or falls together, such as a picture's changed copies; None: each for itself."""
    base, copies = copied(dataset)
    own = getattr(base, "groups", None)
    if copies == 1:
        return own
    return [group for group in (own or range(len(base.ids))) for _ in range(copies)]


def _stratified(drawn: Sequence[int], labels: Sequence[Any], limit: int) -> list[int]:
    """`limit` of the positions, of every class as large a share as it has: whole parts first, then the largest remainders."""
    of_class: dict[Any, list[int]] = defaultdict(list)
    for position in drawn:
        of_class[labels[position]].append(position)
    shares = {label: limit * len(positions) / len(drawn) for label, positions in of_class.items()}
    counts = {label: int(share) for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (counts[label] - shares[label], _lot(f"class {label}")))
    for label in by_remainder[: limit - sum(counts.values())]:
        counts[label] += 1
    return [position for label, positions in of_class.items() for position in positions[: counts[label]]]


def _in_groups(drawn: Sequence[int], names: Sequence[str]) -> list[int]:
    """The positions, those of one name together, in the order in which names are drawn first."""
    members: dict[str, list[int]] = defaultdict(list)
    for position in drawn:
        members[names[position]].append(position)
    return [position for group in members.values() for position in group]


def _label(target: Any) -> int | None:
    """The label that a target is or has; None where it is none."""
    label = getattr(target, "label", target)
    return int(label) if hasattr(label, "__index__") and not getattr(label, "shape", ()) else None


def _lot(name: str) -> bytes:
    return hashlib.blake2b(f"limit/{name}".encode(), digest_size=8).digest()
