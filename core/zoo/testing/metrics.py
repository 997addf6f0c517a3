"""What a metric does with predictions cut in two."""

from collections.abc import Iterator

import numpy as np

from zoo.errors import OptionError, ZooError, reason_of
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.metrics.names import bare_metric
from zoo.plugins.registry import Registry
from zoo.specs import MetricSpec
from zoo.tasks.base import Rows
from zoo.tasks.by_name import is_core
from zoo.testing.findings import Finding
from zoo.testing.models import predicted_rows

N, CLASSES = 60, tuple("abc")
EQUAL = 1e-9
"""Relative difference that summing in another order may leave in float64."""


def check_metric(spec: MetricSpec, entries: Registry) -> Iterator[Finding]:
    """Whether its parts score as the whole, within its range and its interval.

    Of tasks whose rows are numbers alone, and of those of plugins, of which a model is tried.
    """
    rows = _rows(spec.task) if is_core(spec.task) else predicted_rows(spec.task, entries)
    if rows is None:
        yield Finding("folds", "skipped", spec.name, f"no synthetic predictions for metrics of task {spec.task}")
        return
    try:
        metric = _metric(spec, entries)
        metric.check(rows.classes)
        problem = _problem(spec, metric, rows)
    except ZooError as error:
        yield Finding("folds", "skipped", spec.name, error.message)
        return
    except Exception as error:
        yield Finding("folds", "failed", spec.name, f"raised {type(error).__name__}: {reason_of(error)}")
        return
    yield Finding("folds", "failed" if problem else "ok", spec.name, problem)


def _metric(spec: MetricSpec, entries: Registry) -> Metric:
    """With its defaults, or, where it has none, with the options under which a benchmark uses it."""
    try:
        return build_metric(spec.name, spec)
    except OptionError:
        texts = [text for benchmark in entries.benchmarks(task=spec.task) for text in benchmark.metrics]
        bare = spec.name.partition("/")[2]
        used = next((text for text in texts if bare_metric(text) in (bare, spec.name) and ":" in text), None)
        if used is None:
            raise
        return build_metric(used, spec)


def _problem(spec: MetricSpec, metric: Metric, rows: Rows) -> str:
    """What is wrong, empty where nothing is."""
    whole = metric.compute(metric.update(rows), rows.classes)
    parts = metric.compute(metric.merge_all([metric.update(part) for part in _halves(rows)]), rows.classes)
    if whole.value is None or parts.value is None:
        return "" if whole.value == parts.value else f"parts score {parts.value}, the whole {whole.value}"
    if not np.isclose(whole.value, parts.value, rtol=EQUAL, atol=EQUAL):
        return f"parts score {parts.value:.9g}, the whole {whole.value:.9g}"
    low, high = spec.range
    if (low is not None and whole.value < low - EQUAL) or (high is not None and whole.value > high + EQUAL):
        return f"its value {whole.value:.6g} is outside its range {spec.range}"
    if whole.ci_low is not None and whole.ci_high is not None and not whole.ci_low <= whole.value <= whole.ci_high:
        return f"its value {whole.value:.6g} is outside its interval [{whole.ci_low:.6g}, {whole.ci_high:.6g}]"
    if whole.ci_low is None and not whole.interval:
        return "it has no interval and does not say why"
    return _not_compared(metric, rows, whole.value)


def _not_compared(metric: Metric, rows: Rows, value: float) -> str:
    """What is wrong with what runs are compared by: it must be a sample's own, and its mean, or all samples once, the score."""
    n = len(rows)
    parts = [metric.per_sample(part) for part in _halves(rows)]
    kept = [part for part in parts if part is not None]
    if not kept:
        return ""
    state = metric.join(kept)
    if metric.incomparable(state, state):
        return ""
    values = metric.values(state)
    if values is not None and np.shape(values) != (n,):
        return f"its values are {list(np.shape(values))}, not one a sample, [{n}]"
    if values is not None and not np.isclose(np.nanmean(values), value, rtol=EQUAL, atol=EQUAL):
        return f"its values have the mean {np.nanmean(values):.9g}, but it scores {value:.9g}"
    found = metric.resampled(state, np.ones((2, n)), rows.classes) if values is None else None
    if found is not None and (np.shape(found) != (2,) or not np.allclose(found, value, rtol=EQUAL, atol=EQUAL)):
        return f"every sample once scores {np.ravel(found)[:1]} when resampled, but {value:.9g} as a whole"
    return ""


def _rows(task: str) -> Rows | None:
    rng = np.random.default_rng(0)
    ids = [f"sample-{i:02}" for i in range(N)]
    target = rng.integers(0, len(CLASSES), N)
    if task == "classify":
        logits = rng.normal(size=(N, len(CLASSES))) + 2 * np.eye(len(CLASSES))[target]
        return Rows(ids, {"logits": logits.astype(np.float32), "target": target}, CLASSES, range(N))
    if task == "embed":
        vectors = rng.normal(size=(N, 8)) + 2 * np.eye(8)[target]
        places = {"role": np.full(N, "both"), "episode": np.full(N, "")}
        return Rows(ids, {"vector": vectors.astype(np.float32), "label": target, **places}, CLASSES, range(N))
    return None


def _halves(rows: Rows) -> tuple[Rows, Rows]:
    """Two parts, not of one size."""
    cut = max(1, len(rows) * 5 // 12)
    return _cut(rows, 0, cut), _cut(rows, cut, len(rows))


def _cut(rows: Rows, start: int, stop: int) -> Rows:
    columns = {name: column[start:stop] for name, column in rows.columns.items()}
    return Rows(rows.ids[start:stop], columns, rows.classes, rows.positions[start:stop], rows.dataset)
