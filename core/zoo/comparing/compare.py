"""Comparing runs on the same samples, in pairs: which is better, is the difference real, and where do they differ."""

import os
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from zoo.comparing.matching import aside, check_alike, check_ids, find_runs, names
from zoo.comparing.paired import Paired
from zoo.comparing.reading import open_data, read_run
from zoo.comparing.record import Comparison, Contestant, Difference
from zoo.comparing.statistics import RESAMPLES, holm
from zoo.errors import OptionError
from zoo.home import using
from zoo.metrics.build import build_metric
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import Registry, one_look_up
from zoo.runs.record import RunRecord
from zoo.specs import MetricSpec

ALPHA = 0.05
"""A p-value, corrected, below which runs are called different."""


@in_plugin()
def compare(
    *runs: str | RunRecord,
    on: str | None = None,
    metrics: Sequence[str] | None = None,
    pairs: Literal["first", "all"] = "first",
    resamples: int = RESAMPLES,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    home: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Compare two or more runs on the same samples.

    Each is a record, the id of a run (perhaps cut short), or a model by name: then its newest run of the benchmark `on`, on all
    samples, with default settings. `metrics` are any of the task; by default the benchmark's first. `pairs` "first" compares
    all others with the first run, "all" every one with every other; p-values are corrected for all of them (Holm).

    Of a proportion the p-value is McNemar's, exact; of another mean, and of scores that are no mean (F1, AP, mIoU), it is that
    of a paired permutation test. The interval of the difference is a paired bootstrap's. Both have `resamples`, drawn by
    `seed`. Samples that stand or fall together (groups of the dataset, classes of a retrieval) are drawn together. `home` and
    `store` stand for `ZOO_HOME` and `ZOO_STORE` (see `zoo.home.using`).

    Raises ZooError: RunError where runs are not of the same samples under the same protocol, saying what differs.
    """
    if len(runs) < 2:
        raise OptionError("a comparison is of at least two runs", "name another: zoo results shows them")
    if resamples < 100:
        raise OptionError(f"`resamples` must be at least 100, not {resamples}")
    with using(home, store), one_look_up() as entries:
        records = find_runs(entries, runs, on)
        check_alike(records)
        texts = map(entries.written_metric, metrics or (records[0].primary.metric,))
        asked = [(text, entries.metric(text)) for text in dict.fromkeys(texts)]
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
    each = [(text, metric, spec) for (text, spec), metric in zip(asked, built, strict=True)]
    read = [read_run(record, data, each) for record in records]
    check_ids(records, [ids for ids, _ in read])
    called = names(records)
    chosen = list(combinations(range(len(records)), 2)) if pairs == "all" else [(0, i) for i in range(1, len(records))]
    paired = Paired(read[0][0], data, resamples, seed)
    found = [
        paired.difference(metric, text, spec, (called[i], read[i][1][m]), (called[j], read[j][1][m]))
        for m, (text, metric, spec) in enumerate(each)
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
        notes=tuple(aside(records)),
    )


def corrected(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same with p-values that hold for all at once."""
    adjusted = iter(holm([one.p_bound for one in found if one.p_bound is not None]))
    told = []
    for one in found:
        p = None if one.p_bound is None else next(adjusted)
        told.append(one.model_copy(update={"p_holm": p, "different": None if p is None else p < ALPHA}))
    return tuple(told)
