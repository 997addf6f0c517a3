"""Comparing runs on the same samples, in pairs: which is better, is the difference real, and where do they differ."""

import os
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np

from zoo.comparing.matching import check_alike, check_ids, find_runs, names
from zoo.comparing.reading import Data, Read, open_data, read_run
from zoo.comparing.record import Comparison, Contestant, Difference
from zoo.comparing.statistics import RESAMPLES, Statistic, bootstrapped, holm, mcnemar, mean_statistic, permuted
from zoo.errors import OptionError
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.metrics.intervals import Interval, no_interval
from zoo.plugins.registry import Registry, one_look_up
from zoo.runs.record import RunRecord
from zoo.specs import MetricSpec

Array = np.ndarray[Any, Any]
ALPHA = 0.05
"""A p-value, corrected, below which runs are called different."""


def compare(
    *runs: str | RunRecord,
    on: str | None = None,
    metrics: Sequence[str] | None = None,
    pairs: Literal["first", "all"] = "first",
    resamples: int = RESAMPLES,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Compare two or more runs on the same samples.

    Each is a record, the id of a run (perhaps cut short), or a model by name: then its newest run of the benchmark `on`, on all
    samples, with default settings. `metrics` are any of the task; by default the benchmark's first. `pairs` "first" compares
    all others with the first run, "all" every one with every other; p-values are corrected for all of them (Holm).

    Of a proportion the p-value is McNemar's, exact; of another mean, and of scores that are no mean (F1, AP, mIoU), it is that
    of a paired permutation test. The interval of the difference is a paired bootstrap's. Both have `resamples`, drawn by
    `seed`. Samples that stand or fall together (groups of the dataset, classes of a retrieval) are drawn together.

    Raises ZooError: RunError where runs are not of the same samples under the same protocol, saying what differs.
    """
    if len(runs) < 2:
        raise OptionError("a comparison is of at least two runs", "name another: zoo results shows them")
    if resamples < 100:
        raise OptionError(f"`resamples` must be at least 100, not {resamples}")
    with one_look_up() as entries:
        records = find_runs(entries, runs, on)
        check_alike(records)
        asked = [(text, entries.metric(text)) for text in dict.fromkeys(metrics or (records[0].primary.metric,))]
        return _compared(entries, records, asked, pairs, resamples, seed, data_dir)


def _compared(
    entries: Registry,
    records: Sequence[RunRecord],
    asked: Sequence[tuple[str, MetricSpec]],
    pairs: Literal["first", "all"],
    resamples: int,
    seed: int,
    data_dir: str | os.PathLike[str] | None,
) -> Comparison:
    first = records[0]
    for text, spec in asked:
        if spec.task != first.task:
            raise OptionError(
                f"metric {text} is for {spec.task}; these runs {first.task}", f"zoo list metrics --task {first.task}"
            )
    data = open_data(entries, first, data_dir)
    built = [build_metric(text, spec) for text, spec in asked]
    read = [read_run(record, data, built) for record in records]
    check_ids(records, [ids for ids, _ in read])
    called = names(records)
    chosen = list(combinations(range(len(records)), 2)) if pairs == "all" else [(0, i) for i in range(1, len(records))]
    paired = Paired(read[0][0], data, resamples, seed)
    found = [
        paired.difference(metric, text, spec, (called[i], read[i][1][m]), (called[j], read[j][1][m]))
        for m, ((text, spec), metric) in enumerate(zip(asked, built, strict=True))
        for i, j in chosen
    ]
    return Comparison(
        benchmark=first.benchmark,
        dataset=first.dataset.name,
        split=first.dataset.split,
        fingerprint=first.dataset.fingerprint,
        samples=len(read[0][0]),
        runs=tuple(
            Contestant(name=name, run_id=run.run_id, model=run.model.label, created=run.created)
            for name, run in zip(called, records, strict=True)
        ),
        pairs=pairs,
        resamples=resamples,
        seed=seed,
        differences=corrected(found),
    )


def corrected(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same with p-values that hold for all at once."""
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    told = []
    for one in found:
        p = None if one.p is None else next(adjusted)
        told.append(one.model_copy(update={"p_holm": p, "different": None if p is None else p < ALPHA}))
    return tuple(told)


class Paired:
    """The samples that two runs share, and how often they are drawn anew."""

    def __init__(self, ids: Sequence[str], data: Data, resamples: int, seed: int) -> None:
        self.ids, self.resamples, self.seed = ids, resamples, seed
        self.classes = data.info.classes or ()
        self.groups = None if data.groups is None else _numbered([data.groups[data.places[name]] for name in ids])

    def difference(
        self, metric: Metric, text: str, spec: MetricSpec, first: tuple[str, Read], second: tuple[str, Read]
    ) -> Difference:
        """Two runs by one metric; p-values are not corrected yet."""
        (name, a), (other, b) = first, second
        found = Difference(
            metric=text,
            direction=spec.direction,
            unit=spec.unit,
            first=name,
            second=other,
            first_value=a.score.value,
            second_value=b.score.value,
            samples=len(self.ids),
        )
        refused = _refused(metric, a, b)
        if refused or a.state is None or b.state is None or a.score.value is None or b.score.value is None:
            return found.model_copy(update={"refused": refused})
        statistic = self._statistic(metric, a, b)
        if statistic is None:
            return found.model_copy(update={"refused": "it has no value of a sample, nor of samples drawn anew"})
        _check_value(text, statistic, len(self.ids), a.score.value, b.score.value)
        unit, units = self._units(metric, a)
        update: dict[str, Any] = {"difference": a.score.value - b.score.value, "units": units}
        one, two = a.values, b.values
        if one is not None and two is not None and _are_flags(one, two) and units == "samples":
            update["p"] = mcnemar(int((one > two).sum()), int((one < two).sum()))
            update["test"] = "exact McNemar"
        else:
            update["p"] = permuted(statistic, unit, self.resamples, self.seed)
            update["test"] = f"paired permutation of {units}"
        low, high, how = self._interval(statistic, unit, units, a, b)
        update |= {"ci_low": low, "ci_high": high, "interval": how}
        return found.model_copy(update=update | self._changed(metric, spec, a, b))

    def _statistic(self, metric: Metric, a: Read, b: Read) -> Statistic | None:
        assert a.state is not None and b.state is not None
        if a.values is not None and b.values is not None:
            return mean_statistic(a.values, b.values)
        both = metric.join([a.state, b.state])
        if metric.resampled(both, np.ones((1, 2 * len(self.ids))), self.classes) is None:
            return None

        def pooled(of_first: Array, of_second: Array) -> Array:
            found = metric.resampled(both, np.concatenate([of_first, of_second], axis=1), self.classes)
            assert found is not None
            return found

        return pooled

    def _units(self, metric: Metric, a: Read) -> tuple[Array, str]:
        """Of which independent unit each sample is, int [n], and what they are called."""
        assert a.state is not None
        own = metric.clusters(a.state)
        if own is not None:
            return np.unique(own[0], return_inverse=True)[1], own[1]
        if self.groups is not None:
            return np.unique(self.groups, return_inverse=True)[1], "groups"
        return np.arange(len(self.ids)), metric.units

    def _interval(self, statistic: Statistic, unit: Array, units: str, a: Read, b: Read) -> Interval:
        """The interval of the difference; none where neither score has one, for the same reason."""
        for read in (a, b):
            if read.score.ci_low is None and read.score.value not in (0.0, 1.0):
                return no_interval(read.score.interval.removeprefix("none: "))
        return bootstrapped(statistic, unit, self.resamples, self.seed, units)

    def _changed(self, metric: Metric, spec: MetricSpec, a: Read, b: Read) -> dict[str, Any]:
        """The samples that came out better in either run, those that changed most first."""
        assert a.state is not None and b.state is not None
        one, two = (metric.outcomes(read.state, self.classes) if read.values is None else read.values for read in (a, b))
        if one is None or two is None:
            return {}
        better = (one - two) * (-1 if spec.direction == "lower" else 1)
        order = np.argsort(-np.abs(np.nan_to_num(better)), kind="stable")
        return {
            "flips": _are_flags(one, two),
            "first_better": tuple(self.ids[i] for i in order if better[i] > 0),
            "second_better": tuple(self.ids[i] for i in order if better[i] < 0),
        }


def _refused(metric: Metric, a: Read, b: Read) -> str:
    """Why there is no comparison by this metric; empty where there may be one."""
    for read in (a, b):
        if read.score.value is None:
            return read.score.interval.removeprefix("none: ") or "it has no single value"
    if a.state is None or b.state is None:
        return "it keeps nothing of a sample"
    reason = metric.incomparable(a.state, b.state)
    infinite = sum(int(np.isinf(read.values).sum()) for read in (a, b) if read.values is not None)
    return reason or (f"{infinite:,} samples have no finite value" if infinite else "")


def _check_value(text: str, statistic: Statistic, n: int, first: float, second: float) -> None:
    """Raise AssertionError where what is resampled is not the score: that is a bug of the metric."""
    ones = np.ones((1, n))
    found = statistic(ones, 0 * ones)[0], statistic(0 * ones, ones)[0]
    if not np.allclose(found, (first, second), rtol=1e-6, atol=1e-9):
        raise AssertionError(f"{text} scores {first} and {second}, but what is resampled of it {found[0]} and {found[1]}")


def _are_flags(*values: Array) -> bool:
    """Whether every sample counts, and is right or wrong."""
    return all(bool(np.isin(of, (0.0, 1.0)).all()) for of in values)


def _numbered(groups: Sequence[Any]) -> Array:
    """Equal numbers for equal groups, int [n]."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups])
