"""How long a run will go on: what scoring takes, tried on one shard, and how far scoring is."""

import time
from collections.abc import Callable
from contextlib import suppress

from zoo.foresight import Foresight
from zoo.runs.plan import Plan
from zoo.runs.progress import Progress, ShardCallback
from zoo.runs.shards import Shard, read_shard
from zoo.tasks.base import Rows

TRIAL = 1.0
"""Seconds that finding out how long scoring takes may take."""


def seconds_to_score(plan: Plan, shard: Shard) -> float:
    """About how long scoring the whole run takes, by that of one shard that is there; what is not tried counts as nothing."""
    stored = read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)
    if stored is None:
        return 0.0
    positions = [p for p in shard.positions if plan.dataset.ids[p] not in stored.skipped]
    classes = tuple(plan.dataset.classes or ())
    rows = Rows(stored.table["id"].to_pylist(), plan.task.decode(stored.table), classes, positions, plan.dataset)
    began, taken = time.perf_counter(), 0.0
    for _, metric, _ in plan.metrics:
        for timed in (False, True):  # the first time is that of imports
            started = time.perf_counter()
            if started - began > TRIAL:
                break
            with suppress(Exception):  # it is met, and told, when all is scored
                metric.compute(metric.update(rows), classes)
            taken += (time.perf_counter() - started) * timed
    return taken * plan.samples / max(1, len(shard.positions))


def scoring(plan: Plan, tell: Callable[[Progress], None]) -> ShardCallback:
    """What is told before each shard is scored, and tells how long that goes on: all samples are done by then."""
    foresight, scored = Foresight(), 0

    def began(shard: Shard) -> None:
        nonlocal scored
        tell(Progress("scoring", plan.samples, plan.samples, left=foresight.left(scored / plan.samples)))
        scored += len(shard.positions)

    return began
