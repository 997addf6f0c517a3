"""Folding: the stored shards of a run into scores, and the scores beside pass mark and claim."""

from collections.abc import Sequence

from zoo.errors import NotScoredError, RunError, no_exit
from zoo.metrics.base import State
from zoo.passmark import parse_pass_mark
from zoo.plugins.catalogue import Catalogue
from zoo.runs.plan import Plan, no_rows
from zoo.runs.progress import ShardCallback
from zoo.runs.record import Check, Result
from zoo.runs.shards import Stored, read_shard
from zoo.tasks.base import Rows


def fold(
    plan: Plan, found: dict[int, Stored], began: ShardCallback = lambda shard: None
) -> tuple[list[Result], list[tuple[str, str]]]:
    """Every metric over all shards in id order, and (path, SHA-256) of each shard; those `found` before are taken from there."""
    classes = tuple(plan.dataset.classes or ())
    states: list[list[State]] = [[] for _ in plan.metrics]
    artifacts = []
    for shard in plan.shards():
        began(shard)
        stored = found.pop(shard.index, None) or read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)
        if stored is None:
            raise RunError(f"shard {shard.path} was altered while the run went on", "run it again: only that shard is computed")
        table = stored.table
        positions = [p for p in shard.positions if plan.dataset.ids[p] not in stored.skipped]
        rows = Rows(table["id"].to_pylist(), plan.task.decode(table), classes, positions, plan.dataset)
        for (text, metric, _), seen in zip(plan.metrics, states, strict=True):
            if len(rows):
                with no_exit(text):
                    seen.append(metric.update(rows))
                if not metric.gathers:  # a sum is held once, however many shards: a covariance may be large
                    seen[:] = [metric.merge_all(seen)]
        artifacts.append((f"shards/{shard.path.name}", stored.sha256))
    results = []
    for (text, metric, spec), seen in zip(plan.metrics, states, strict=True):
        with no_exit(text):
            score = metric.compute(metric.merge_all(seen or [metric.update(no_rows(plan.task, classes))]), classes)
        results.append(Result(metric=text, direction=spec.direction, unit=spec.unit, **vars(score)))
    return results, artifacts


def check_scored(plan: Plan, results: Sequence[Result]) -> None:
    """Raise NotScoredError where no metric has a value, nor a detail of some samples: that is no score to keep."""
    if any(result.value is not None or (result.detail is not None and result.n) for result in results):
        return
    raise NotScoredError(
        f"no metric of {plan.task.name} has a value on {plan.task.data.name}: {results[0].interval.removeprefix('none: ')}",
        f"only {plan.samples:,} samples were taken: raise `limit`"
        if plan.sampled
        else f"the predictions are kept; take other data, or other `metrics`: zoo list metrics --task {plan.task.name}",
    )


def check_results(plan: Plan, results: Sequence[Result], catalogue: Catalogue) -> list[Check]:
    """The scores beside the benchmark's pass mark and beside what the catalogue claims of them.

    The mark is for the benchmark as it is, a claim perhaps for other models in place of its own, and neither for other settings.
    No claim is of a network that a precision has altered.
    """
    checks: list[Check] = []
    replaced = {role: plan.aux[role].info.name for role in plan.altered if role in plan.aux}
    if len(replaced) < len(plan.altered):
        return checks
    values = {result.metric: result.value for result in results}
    if plan.benchmark.pass_mark is not None and not replaced:
        mark = parse_pass_mark(plan.benchmark.pass_mark)
        checks.append(Check(kind="pass_mark", metric=mark.metric, expected=mark.needed, passed=mark.is_met(values[mark.metric])))
    for metric, value in values.items():
        claim = catalogue.claim(plan.model.info.name, plan.benchmark.name, metric, replaced)
        same = claim is not None and claim.is_of(plan.dataset.fingerprint, plan.samples) and plan.precision.built is None
        if claim is not None and same and value is not None and plan.model.has_defaults:
            within = abs(value - claim.value) <= claim.tolerance
            checks.append(Check(kind=claim.kind, metric=metric, expected=f"{claim.value} ± {claim.tolerance}", passed=within))
    return checks
