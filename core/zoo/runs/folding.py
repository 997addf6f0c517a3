"""Folding: the stored shards of a run into scores, and the scores beside pass mark and claim."""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import pyarrow as pa

from zoo.errors import NotScoredError, PluginError, RunError, no_exit
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.grouped import in_groups
from zoo.passmark import parse_pass_mark
from zoo.plugins.blame import in_plugin
from zoo.plugins.catalogue import Catalogue
from zoo.plugins.registry import registry
from zoo.runs.plan import Plan, no_rows
from zoo.runs.progress import ShardCallback
from zoo.runs.record import Check, Origin, Result
from zoo.runs.sampling import groups_of
from zoo.runs.shards import Shard, Stored, origins, read_shard, reading
from zoo.specs import MetricSpec
from zoo.tasks.base import Rows

PIECE = 2**20
"""Bytes of predictions that are folded at once, or those of one shard, if it has more."""


def fold(
    plan: Plan, found: dict[int, Stored], began: ShardCallback = lambda shard: None
) -> tuple[list[Result], list[tuple[str, str]], list[Origin]]:
    """Every metric over all shards in id order, (path, SHA-256) of each shard, and how they were computed.

    Shards `found` before are taken from there.
    """
    classes = tuple(plan.dataset.classes or ())
    groups = groups_of(plan.dataset)
    folds = [Fold(text, metric, spec, classes, groups is not None) for text, metric, spec in plan.metrics]
    artifacts: list[tuple[str, str]] = []
    places: list[int] = []
    made: Counter[bytes] = Counter()
    for piece in _pieces(plan, found, began):
        positions: list[int] = []
        for shard, stored in piece:
            artifacts.append((shard.artifact(stored.sha256), stored.sha256))
            made[stored.origin] += 1
            skipped = stored.skipped
            positions += [p for p in shard.positions if plan.dataset.ids[p] not in skipped] if skipped else shard.positions
        table = pa.concat_tables([stored.table for _, stored in piece])
        rows = Rows(table["id"].to_numpy().tolist(), plan.task.decode(table), classes, positions, plan.dataset)
        places += positions if groups is not None else []
        for each in folds:
            if len(rows):
                each.take(rows)
    grouped = None if groups is None else [groups[place] for place in places]
    return [each.result(no_rows(plan.task, classes), grouped) for each in folds], artifacts, origins(made)


def _pieces(plan: Plan, found: dict[int, Stored], began: ShardCallback) -> Iterator[list[tuple[Shard, Stored]]]:
    """Shards that are folded at once: as many as are small together, as each has its price."""
    shards = plan.shards()
    piece: list[tuple[Shard, Stored]] = []

    def read(shard: Shard) -> Stored | None:
        return found.pop(shard.index, None) or read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)

    for shard, stored in zip(shards, reading(shards, read), strict=True):
        began(shard)
        if stored is None:
            raise RunError(f"shard {shard} was altered while the run went on", "run it again: only that shard is computed")
        piece.append((shard, stored))
        if sum(one.table.nbytes for _, one in piece) >= PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def score_rows(
    rows: Rows, metrics: Sequence[tuple[str, Metric, MetricSpec]], groups: Sequence[Hashable] | None = None
) -> tuple[Result, ...]:
    """Rows of a task by every metric, as a run scores them. Samples of equal `groups` stand or fall together (`groups_of`)."""
    results = []
    for text, metric, spec in metrics:
        fold = Fold(text, metric, spec, tuple(rows.classes), groups is not None)
        fold.take(rows)
        results.append(fold.result(rows, groups))
    return tuple(results)


class Fold:
    """One metric over the rows of a run, in id order. `by_sample`: what it keeps of each sample is kept, too."""

    def __init__(self, text: str, metric: Metric, spec: MetricSpec, classes: tuple[str, ...], by_sample: bool) -> None:
        self.text, self.metric, self.spec, self.classes, self.by_sample = text, metric, spec, classes, by_sample
        self.seen: list[State] = []
        self.kept: list[State | None] = []

    def take(self, rows: Rows) -> None:
        """More samples."""
        with no_exit(self.text), in_plugin(self.spec.name, f"metric {self.text}"):
            self.seen.append(self.metric.update(rows))
            if self.by_sample and not self.metric.keeps_state:
                self.kept.append(self.metric.per_sample(rows))
            if not self.metric.gathers:  # a sum is held once, however many shards: a covariance may be large
                self.seen[:] = [self.metric.merge_all(self.seen)]

    def result(self, nothing: Rows, groups: Sequence[Hashable] | None) -> Result:
        """The score of all samples; of none it is that of `nothing`. Samples of equal groups stand or fall together."""
        with no_exit(self.text), in_plugin(self.spec.name, f"metric {self.text}"):
            state = self.metric.merge_all(self.seen or [self.metric.update(nothing)])
            score = self.metric.compute(state, self.classes)
            if groups:
                score = in_groups(self.metric, score, self._of_samples(state), groups, self.classes, self.spec.range)
            check_score(self.text, self.spec, score)
            return Result(metric=self.text, direction=self.spec.direction, unit=self.spec.unit, **vars(score))

    def _of_samples(self, state: State) -> State | None:
        """What is kept of each sample; None where nothing is."""
        there = [each for each in self.kept if each is not None]
        if self.metric.keeps_state:
            return state
        return self.metric.join(there) if there and len(there) == len(self.kept) else None


def check_score(text: str, spec: MetricSpec, score: Score) -> None:
    """Raise PluginError for a score that cannot be: no number, outside of the metric's range or of its own interval."""
    value, low, high = score.value, score.ci_low, score.ci_high
    if value is None:
        return
    least, most = (-math.inf if spec.range[0] is None else spec.range[0], math.inf if spec.range[1] is None else spec.range[1])
    slack = 1e-9 * max(1.0, abs(value)) if math.isfinite(value) else 0.0
    wrong = ""
    if any(math.isnan(number) for number in (value, *(end for end in (low, high) if end is not None))):
        wrong = f"{value} with the interval [{low}, {high}], which is no score"
    elif not least - slack <= value <= most + slack:
        wrong = f"{value:g}, outside of its range [{least:g}, {most:g}]"
    elif (low is not None and low > value + slack) or (high is not None and high < value - slack):
        wrong = f"{value:g}, outside of its own interval [{low}, {high}]"
    if wrong:
        hint = f"the predictions are kept: leave {spec.name} out; its range is that of its MetricSpec"
        raise PluginError(f"metric {spec.name} ({text}) gave {wrong}", hint)


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
        score = next(result for result in results if result.metric == mark.metric)
        sure = mark.is_sure(score.ci_low, score.ci_high)
        checks.append(
            Check(kind="pass_mark", metric=mark.metric, expected=mark.needed, passed=mark.is_met(score.value), sure=sure)
        )
    for metric, value in values.items():
        claim = catalogue.claim(plan.model.info.name, plan.benchmark.name, metric, replaced, registry().written_metric)
        same = claim is not None and claim.is_of(plan.dataset.fingerprint, plan.samples) and plan.precision.built is None
        if claim is not None and same and value is not None and plan.model.has_defaults:
            within = abs(value - claim.value) <= claim.tolerance
            checks.append(Check(kind=claim.kind, metric=metric, expected=f"{claim.value} ± {claim.tolerance}", passed=within))
    return checks
