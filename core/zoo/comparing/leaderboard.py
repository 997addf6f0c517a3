"""Leaderboards: own runs beside published and measured scores of one benchmark, with ranks that are intervals."""

import os
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from zoo.comparing.board import COSTS, Board, CostName, Entry, Leaderboard, MeanRank
from zoo.comparing.matching import differences
from zoo.comparing.paired import Paired
from zoo.comparing.ranking import mid_ranks, pareto_front, rank_intervals, tie_groups
from zoo.comparing.reading import Read, open_data, read_run
from zoo.comparing.statistics import RESAMPLES, apart_by_intervals, holm
from zoo.errors import OptionError, UnknownNameError, ZooError
from zoo.home import using
from zoo.metrics.build import build_metric
from zoo.metrics.intervals import wilson
from zoo.plugins.blame import in_plugin
from zoo.plugins.catalogue import Claim, load_catalogue
from zoo.plugins.names import split_tag
from zoo.plugins.registry import Registry, one_look_up
from zoo.runs.record import RunRecord
from zoo.runs.rows import changed_options
from zoo.runs.store import Store
from zoo.specs import BenchmarkSpec

ALPHA = 0.05
Pair = tuple[int, int]


@in_plugin()
def leaderboard(
    *benchmarks: str,
    which: Literal["best", "all"] = "best",
    cost: CostName = "speed",
    resamples: int = RESAMPLES,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    home: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Leaderboard:
    """Rank what is known of one benchmark, or of several: the runs in the store, and the claims of registry.yaml.

    Runs are those of the benchmark as it is, on all its samples. `which` "best" shows the best of each model, "all" every run
    with settings of its own; a measured claim stands where that model has no run here, a published one always. `cost` is what a
    score is weighed against for the Pareto front: "speed", which is the machine's, or "params" or "flops", which are the model's.

    Ranks are intervals, from tests of all pairs at once (Holm, over all benchmarks): of two runs paired by sample, as `compare`
    does; of a claim, which has no predictions, by its interval, which needs larger differences. Without an interval nothing is
    told apart. `home` and `store` stand for `ZOO_HOME` and `ZOO_STORE` (see `zoo.home.using`).

    Raises UnknownNameError where a benchmark is unknown, or nothing is known of it.
    """
    if not benchmarks:
        raise OptionError("a leaderboard is of at least one benchmark", "name one: zoo list benchmarks")
    if which not in ("best", "all"):
        raise OptionError(f"`which` {which!r} is unknown", "choose best or all")
    if cost not in COSTS:
        raise OptionError(f"`cost` {cost!r} is unknown", f"choose {', '.join(COSTS)}")
    with using(home, store), one_look_up() as entries:
        made = [_Making(entries, name, which) for name in dict.fromkeys(benchmarks)]
        chances = [making.chances(entries, resamples, seed, data_dir) for making in made]
        keys = [(number, pair) for number, own in enumerate(chances) for pair in own]
        adjusted = dict(zip(keys, holm([chances[number][pair] for number, pair in keys]), strict=True))
        ranked = [
            making.ranked({pair for pair in own if adjusted[number, pair] < ALPHA}, cost)
            for number, (making, own) in enumerate(zip(made, chances, strict=True))
        ]
    boards = tuple(board for board, _ in ranked)
    overall = _overall([(board, apart) for board, apart in ranked]) if len(ranked) > 1 else ()
    return Leaderboard(boards=boards, overall=overall, resamples=resamples, seed=seed)


class _Making:
    """A board while it is made: its entries in order, the best first, and which of them can be told apart."""

    def __init__(self, entries: Registry, name: str, which: Literal["best", "all"]) -> None:
        self.registry = entries
        self.benchmark = _benchmark(entries, name)
        self.metric = self.benchmark.metrics[0]
        self.spec = entries.metric(self.metric)
        self.built = build_metric(self.metric, self.spec)
        if self.spec.direction == "none":
            raise OptionError(f"of {self.metric} neither way is better, so {self.benchmark.name} ranks nobody")
        self.sign = 1 if self.spec.direction == "higher" else -1
        self.notes: list[str] = []
        self.store = Store(writing=False)
        runs = self._runs()
        claims = [claim for claim in load_catalogue().claims if self._is_of(claim)]
        known = {run.model.name for run in runs}
        shown = [claim for claim in claims if claim.kind == "published" or claim.model not in known]
        if len(shown) < len(claims):
            self.notes.append(f"{len(claims) - len(shown)} measured claims have a run here, which stands for them")
        computing = self.store.computing(runs)
        made: list[tuple[Entry, RunRecord | None]] = [(self._of_run(run, computing.get(run.key)), run) for run in runs]
        made += [(self._of_claim(entries, claim), None) for claim in shown]
        if which == "best":
            made = self._best(made)
        if not made:
            raise UnknownNameError(f"nothing is known of {self.benchmark.name}", f"zoo run MODEL --on {self.benchmark.name}")
        made.sort(key=lambda one: (-self.sign * one[0].value, one[0].model))
        self.entries, self.runs = [entry for entry, _ in made], [run for _, run in made]

    def chances(self, entries: Registry, resamples: int, seed: int, data_dir: str | os.PathLike[str] | None) -> dict[Pair, float]:
        """How likely each pair's difference is by chance, where that can be said."""
        found: dict[Pair, float] = {}
        read, paired = self._read(entries, resamples, seed, data_dir)
        by_intervals = 0
        for i, j in combinations(range(len(self.entries)), 2):
            if paired is not None and i in read and j in read:
                with in_plugin(self.spec.name, f"metric {self.metric}"):
                    test = paired.tested(self.built, self.metric, read[i], read[j])
                if not isinstance(test, str):
                    found[i, j] = test.chance.bound
                    continue
            p = apart_by_intervals(self.entries[i].bounds, self.entries[j].bounds)
            if p is not None:
                found[i, j] = p
                by_intervals += 1
        untold = len(self.entries) * (len(self.entries) - 1) // 2 - len(found)
        if by_intervals:
            self.notes.append(f"{by_intervals} pairs are told apart by their intervals alone, for want of predictions of both")
        if untold:
            self.notes.append(f"{untold} pairs cannot be told apart at all, for want of an interval")
        return found

    def ranked(self, apart: set[Pair], cost: CostName) -> tuple[Board, set[Pair]]:
        """The board, when it is known which pairs differ."""
        n = len(self.entries)
        worse = [[(j, i) in apart for j in range(n)] for i in range(n)]
        sign = -1 if COSTS[cost].less else 1
        costs = [getattr(entry, COSTS[cost].field) for entry in self.entries]
        points = [None if one is None else (self.sign * self.entries[i].value, sign * one) for i, one in enumerate(costs)]
        rows = zip(self.entries, rank_intervals(worse), tie_groups(worse), pareto_front(points), strict=True)
        ranked = tuple(
            entry.model_copy(update={"rank_low": low, "rank_high": high, "ties": ties, "pareto": front})
            for entry, (low, high), ties, front in rows
        )
        board = Board(
            benchmark=self.benchmark.name,
            metric=self.metric,
            direction=self.spec.direction,
            unit=self.spec.unit,
            entries=ranked,
            cost=cost,
            notes=tuple(self.notes),
        )
        return board, apart

    def _runs(self) -> list[RunRecord]:
        """The newest run of each model with each of its settings."""
        found = self.store.newest(self.benchmark.name, metric=self.metric, plain=True)
        # Not of other data, or another version of the task, than the newest.
        whole = [(run, alike) for run, alike in found if not differences(found[0][0], run)]
        left_out = self.store.count(benchmark=self.benchmark.name) - sum(alike for _, alike in whole)
        if left_out:
            self.notes.append(
                f"{left_out} runs are left out: on some of the samples, by another protocol, on other data, or without "
                f"{self.metric}"
            )
        newest: dict[str, RunRecord] = {}
        for run, _ in whole:
            newest.setdefault(_called(self.registry, run), run)
        return list(newest.values())

    def _best(self, made: list[tuple[Entry, RunRecord | None]]) -> list[tuple[Entry, RunRecord | None]]:
        """The best run, or measured claim, of each model, whichever its weights; and all published ones."""
        best: dict[str, Entry] = {}
        for entry, _ in made:
            name = _base(entry.model)
            if entry.kind != "published" and (name not in best or self.sign * (entry.value - best[name].value) > 0):
                best[name] = entry
        kept = [one for one in made if one[0].kind == "published" or one[0] in best.values()]
        if len(kept) < len(made):
            self.notes.append(f"{len(made) - len(kept)} scores of a model with other weights or settings are below its best")
        return kept

    def _value(self, run: RunRecord) -> float | None:
        return next((result.value for result in run.results if result.metric == self.metric), None)

    def _score(self, run: RunRecord) -> float:
        value = self._value(run)
        assert value is not None  # which `_runs` has made sure of
        return value

    def _is_of(self, claim: Claim) -> bool:
        same = claim.benchmark == self.benchmark.name and not claim.aux
        return same and self.registry.written_metric(claim.metric) == self.metric

    def _of_run(self, run: RunRecord, computing: RunRecord | None) -> Entry:
        """The entry of a run, with the speed of the newest run of the same predictions that computed them."""
        result = next(result for result in run.results if result.metric == self.metric)
        return Entry(
            model=_called(self.registry, run),
            kind="run",
            value=self._score(run),
            ci_low=result.ci_low,
            ci_high=result.ci_high,
            interval=result.interval,
            n=result.n,
            run_id=run.run_id,
            samples_per_second=computing.cost.samples_per_second if computing else None,
            parameters=run.complexity.parameters if run.complexity else None,
            flops=run.complexity.flops if run.complexity else None,
            device=run.execution.device,
        )

    def _of_claim(self, entries: Registry, claim: Claim) -> Entry:
        n = claim.data if isinstance(claim.data, int) else entries.dataset(self.benchmark.dataset).splits[self.benchmark.split]
        low = high = None
        how = "none: a claim, without predictions"
        if n and self.built.proportion:
            low, high, how = wilson(round(claim.value * n), n)
        return Entry(
            model=claim.model,
            kind=claim.kind,
            value=claim.value,
            ci_low=None if low is None else min(low, claim.value),
            ci_high=None if high is None else max(high, claim.value),
            interval=how,
            n=n,
            source=claim.source,
        )

    def _read(
        self, entries: Registry, resamples: int, seed: int, data_dir: str | os.PathLike[str] | None
    ) -> tuple[dict[int, Read], Paired | None]:
        """The runs whose predictions are here, by their place, and what compares them; a note says where they are not."""
        read: dict[int, Read] = {}
        paired: Paired | None = None
        known = [(i, run) for i, run in enumerate(self.runs) if run is not None]
        if len(known) < 2:
            return read, paired
        try:
            data = open_data(entries, known[0][1], data_dir)
            for i, run in known:
                ids, (own,) = read_run(run, data, [(self.metric, self.built, self.spec)])
                paired = paired or Paired(ids, data, resamples, seed)
                if ids == paired.ids:
                    read[i] = own
        except ZooError as error:
            self.notes.append(f"runs are compared by their intervals alone: {error.message}")
            return {}, None
        return read, paired


def _benchmark(entries: Registry, name: str) -> BenchmarkSpec:
    try:
        return entries.benchmark(name)
    except UnknownNameError:
        return entries.benchmark(name, tasks=list(entries.dataset(name).tasks))


def _called(entries: Registry, run: RunRecord) -> str:
    """The model, and which of its options and how much of its precision are not as they are by default."""
    changed = ", ".join(f"{name}={value}" for name, value in changed_options(entries, run).items())
    precision = "" if run.execution.precision == "fp32" else run.execution.precision
    return " ".join(filter(None, (run.model.label, changed, precision)))


def _base(called: str) -> str:
    """The model without tag, file of weights, options."""
    return split_tag(called.partition(" ")[0])[0]


def _overall(ranked: Sequence[tuple[Board, set[Pair]]]) -> tuple[MeanRank, ...]:
    """The mean rank of models that stand on all boards, each with the best of its entries, among each other.

    All rank intervals hold at once, so the means of their ends bound the mean rank.
    """
    places = []
    for board, _ in ranked:
        own: dict[str, int] = {}
        for place, entry in enumerate(board.entries):
            own.setdefault(_base(entry.model), place)
        places.append(own)
    common = [name for name in places[0] if all(name in own for own in places)]
    if len(common) < 2:
        return ()
    lows, highs, means = ([0.0] * len(common) for _ in range(3))
    for (board, apart), own in zip(ranked, places, strict=True):
        at = [own[name] for name in common]
        worse = [[(j, i) in apart for j in at] for i in at]
        sign = 1 if board.direction == "higher" else -1
        ranks = mid_ranks([sign * board.entries[i].value for i in at])
        for k, (low, high) in enumerate(rank_intervals(worse)):
            lows[k] += low / len(ranked)
            highs[k] += high / len(ranked)
            means[k] += ranks[k] / len(ranked)
    found = [
        MeanRank(model=name, mean_rank=means[k], low=lows[k], high=highs[k], benchmarks=len(ranked))
        for k, name in enumerate(common)
    ]
    return tuple(sorted(found, key=lambda one: (one.mean_rank, one.model)))
