"""Folding: the stored shards of a run into scores, and the scores beside pass mark and claim."""

import hashlib
from collections.abc import Sequence

from zoo.errors import NotScoredError, RunError
from zoo.metrics.base import State
from zoo.plugins.catalogue import Catalogue
from zoo.runs.plan import Plan, no_rows
from zoo.runs.record import Check, Result
from zoo.runs.shards import read_shard
from zoo.tasks.base import Rows


def fold(plan: Plan) -> tuple[list[Result], list[tuple[str, str]]]:
    """Every metric over all shards in id order, and (path, SHA-256) of each shard."""
    classes = tuple(plan.dataset.classes or ())
    states: list[list[State]] = [[] for _ in plan.metrics]
    artifacts = []
    for shard in plan.shards():
        stored = read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)
        if stored is None:
            raise RunError(f"shard {shard.path} was altered while the run went on", "run it again: only that shard is computed")
        table, skipped = stored
        positions = [p for p in shard.positions if plan.dataset.ids[p] not in skipped]
        rows = Rows(table["id"].to_pylist(), plan.task.decode(table), classes, positions, plan.dataset)
        for (_, metric, _), seen in zip(plan.metrics, states, strict=True):
            if len(rows):
                seen.append(metric.update(rows))
                if not metric.gathers:  # a sum is held once, however many shards: a covariance may be large
                    seen[:] = [metric.merge_all(seen)]
        artifacts.append((f"shards/{shard.path.name}", hashlib.sha256(shard.path.read_bytes()).hexdigest()))
    results = []
    for (text, metric, spec), seen in zip(plan.metrics, states, strict=True):
        score = metric.compute(metric.merge_all(seen or [metric.update(no_rows(plan.task, classes))]), classes)
        results.append(Result(metric=text, direction=spec.direction, unit=spec.unit, **vars(score)))
    return results, artifacts


def check_scored(plan: Plan, results: Sequence[Result]) -> None:
    """Raise NotScoredError where no metric has a value, nor a detail of some samples: that is no score to keep."""
    if any(result.value is not None or (result.detail is not None and result.n) for result in results):
        return
    raise NotScoredError(
        f"no metric of {plan.task.name} has a value on {plan.task.data.name}: {results[0].interval.removeprefix('none: ')}",
        f"only the first {plan.samples:,} samples were taken: raise --limit"
        if plan.samples < len(plan.dataset.ids)
        else f"the predictions are kept; take other data, or --metric NAME: zoo list metrics --task {plan.task.name}",
    )


def check_results(plan: Plan, results: Sequence[Result], catalogue: Catalogue) -> list[Check]:
    """The scores beside the benchmark's pass mark (strictly above it) and beside what the catalogue claims of them."""
    checks = []
    values = {result.metric: result.value for result in results}
    if plan.benchmark.pass_mark is not None:
        metric, _, bound = plan.benchmark.pass_mark.partition(" > ")
        value = values[metric]
        passed = value is not None and value > float(bound)
        checks.append(Check(kind="pass_mark", metric=metric, expected=f"> {bound}", passed=passed))
    for metric, value in values.items():
        claim = catalogue.claim(plan.model.info.name, plan.benchmark.name, metric)
        same = claim is not None and claim.is_of(plan.dataset.fingerprint, plan.samples)
        if claim is not None and same and value is not None and plan.model.has_defaults:
            within = abs(value - claim.value) <= claim.tolerance
            checks.append(Check(kind=claim.kind, metric=metric, expected=f"{claim.value} ± {claim.tolerance}", passed=within))
    return checks
