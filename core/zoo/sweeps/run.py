"""Running the cells of a sweep; a failure costs its own cell, and finished ones are found again."""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.engines import Engine, one_engine
from zoo.errors import OptionError, did_you_mean
from zoo.opening.written import is_written
from zoo.plugins.registry import Registry, one_look_up
from zoo.runs.evaluate import evaluate
from zoo.runs.overrides import Names, settable
from zoo.runs.precision import opened_precision
from zoo.runs.progress import Progress
from zoo.runs.record import RunRecord
from zoo.runs.request import How, Request
from zoo.sweeps.cells import Cell, LeftOut, benchmark_of, planned
from zoo.sweeps.mapping import CellRun, is_one_shard, map_cells
from zoo.sweeps.result import Failure, result_of

OF_OWN = ("classes", "input", "key", "weights", "weights_key", "allow_pickle")
"""What describes a network of the user's own: where a sweep has some, these are for them alone."""
OF_ONE = ("weights", "weights_key")
OF_A_CELL = ("model", "benchmark", "task", "name", "options", "protocol", "aux", "metrics", "progress", "limit", "home", "store")


@dataclass(frozen=True)
class Step:
    """How far a sweep is: `done` of `total` cells, what the run of the next one last said, and about how many seconds go on."""

    cell: Cell
    done: int
    total: int
    run: Progress | None = None
    left: float | None = None


@dataclass(frozen=True)
class Sweep:
    """What came of all cells: a record or a failure each, in order; and the pairs that were left out."""

    results: tuple[tuple[Cell, RunRecord | Failure], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def records(self) -> list[RunRecord]:
        """Those of the cells that were scored."""
        return [found for _, found in self.results if isinstance(found, RunRecord)]

    @property
    def failures(self) -> list[Failure]:
        """Those of the cells that were not."""
        return [found for _, found in self.results if isinstance(found, Failure)]

    @property
    def passed(self) -> bool:
        """Whether no cell failed and no pass mark was missed."""
        return not self.failures and all(record.passed is not False for record in self.records)

    @property
    def rows(self) -> list[str]:
        """Models, in order."""
        return list(dict.fromkeys(cell.row for cell, _ in self.results))

    @property
    def columns(self) -> list[str]:
        """Benchmarks, or runs of a suite, in order."""
        return list(dict.fromkeys(cell.column for cell, _ in self.results))

    def __getitem__(self, place: tuple[str, str]) -> RunRecord | Failure | None:
        """What came of a row and a column; None where the pair was left out."""
        return next((found for cell, found in self.results if (cell.row, cell.column) == place), None)

    def summary(self) -> dict[str, Any]:
        """The object that `zoo run --json` prints of several runs."""
        places = {id(found): {"row": cell.row, "column": cell.column} for cell, found in self.results}
        return {
            "runs": [{**places[id(record)], **record.summary()} for record in self.records],
            "failures": [
                {**places[id(one)], "error": {"type": one.kind, "message": one.message, "hint": one.hint}}
                for one in self.failures
            ],
            "left_out": [{"row": one.row, "column": one.column, "reason": one.reason} for one in self.left_out],
            "passed": self.passed,
        }


def sweep(
    models: Any = None,
    benchmarks: str | Sequence[str] | None = None,
    *,
    task: str | None = None,
    plugin: str | None = None,
    options: Mapping[str, Any] | None = None,
    protocol: Mapping[str, Any] | None = None,
    aux: Mapping[str, Any] | None = None,
    metrics: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Callable[[Step], None] | None = None,
    **settings: Any,
) -> Sweep:
    """Run every model on every benchmark that it fits; return what came of each pair.

    `models` are names, patterns (`cnn/*`, `*@mnist`), networks of your own, or a mapping from names to those; None: all of the
    `task` and the `plugin`, or those that the suites name. `benchmarks` are names of benchmarks, datasets or suites, or patterns;
    None: all that a model fits as it is. Pairs that do not fit by what both declare are left out, and listed: of another task or
    modality, other classes, no weights.
    `options`, `protocol`, `aux` and `metrics` go to those cells that take them; all else is as in `zoo.evaluate`, for every cell.
    `classes`, `input`, `key` and `weights` are for networks of your own, if there are some.

    A failure costs its own cell. Every cell is a run of its own, so after a kill the same sweep finds what is finished.
    Raises UnknownNameError and OptionError before anything is run: for a name that nothing has, where nothing fits, or for a
    setting that no cell takes.
    """
    _check_settings(settings)
    with one_look_up() as entries:
        opened_precision(entries, settings.get("precision") or "fp32")
        cells, left_out = _planned(entries, models, benchmarks, {**settings, "task": task, "plugin": plugin})
        if not cells:
            raise OptionError(f"nothing fits: {_reasons(left_out)}", "zoo show MODEL tells which benchmarks a model fits")
        asked = {"options": dict(options or {}), "protocol": dict(protocol or {}), "aux": dict(aux or {})}
        given = list(_given(entries, cells, asked, task, metrics or (), settings))
        runs = [CellRun(cell, {**keywords, **_of_cell(cell, task, limit)}) for cell, keywords in zip(cells, given, strict=True)]
        with one_engine(settings.get("engine") or "here") as engine:  # its workers stay from cell to cell
            results = dict(_results(entries, engine, runs, progress))
    return Sweep(tuple((cell, results[place]) for place, cell in enumerate(cells)), tuple(left_out))


def _of_cell(cell: Cell, task: str | None, limit: int | None) -> dict[str, Any]:
    """Keywords of one cell alone."""
    return {"task": None if cell.aux else task, "name": cell.name, "limit": limit if limit is not None else cell.limit}


def _results(
    entries: Registry, engine: Engine, runs: Sequence[CellRun], progress: Callable[[Step], None] | None
) -> Iterator[tuple[int, RunRecord | Failure]]:
    """The place of each cell and what came of it: first of those that workers run whole, then of the others, one by one."""
    began, done = time.monotonic(), 0

    def at(place: int) -> Step:
        step = Step(runs[place].cell, done, len(runs))
        if progress is not None:
            progress(step)
        return step

    small = {place: one for place, one in enumerate(runs) if engine.text != "here" and is_one_shard(entries, one)}
    whole = small if len(small) > 1 else {}
    for place, found in map_cells(engine, whole, at) if whole else ():
        done += 1
        yield place, found
    for place, one in enumerate(runs):
        if place in whole:
            continue
        tell = _telling(progress, at(place), began)
        yield place, result_of(one.cell, {**one.keywords, "progress": tell})
        done += 1


def settable_of(
    entries: Registry, models: Any, benchmarks: str | Sequence[str] | None, settings: Mapping[str, Any]
) -> list[Names]:
    """What can be set by name of model, benchmark and other models, of each cell of such a sweep."""
    cells, _ = _planned(entries, models, benchmarks, settings)
    return [_names(entries, cell, settings.get("task")) for cell in cells]


def _planned(
    entries: Registry, models: Any, benchmarks: str | Sequence[str] | None, settings: Mapping[str, Any]
) -> tuple[list[Cell], list[LeftOut]]:
    return planned(
        entries,
        models,
        [benchmarks] if isinstance(benchmarks, str) else list(benchmarks or ()),
        task=settings.get("task"),
        plugin=settings.get("plugin"),
        own_weights=settings.get("weights") is not None or settings.get("classes") is not None,
    )


def _names(entries: Registry, cell: Cell, task: str | None) -> Names:
    if not isinstance(cell.model, str) or is_written(cell.model):
        return Names((), (), ())
    return settable(entries, cell.model, cell.benchmark, task if not cell.aux else None)


def _given(
    entries: Registry,
    cells: Sequence[Cell],
    asked: Mapping[str, Mapping[str, Any]],
    task: str | None,
    metrics: Sequence[str],
    settings: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """The keywords of `zoo.evaluate` for each cell. Raises OptionError for what no cell takes."""
    names = [_names(entries, cell, task) for cell in cells] if any(asked.values()) else []
    for kind, values in asked.items():
        for name in values:
            if not any(name in getattr(one, kind) for one in names):
                known = sorted({known for one in names for known in getattr(one, kind)})
                what = {"options": "option", "protocol": "setting", "aux": "other model"}[kind]
                raise OptionError(f"no run of these takes the {what} {name!r}", did_you_mean(name, known, f"they take: {known}"))
    scored = {text: entries.metric(text).task for text in metrics}
    tasks = [benchmark_of(entries, cell, task).task for cell in cells] if scored else [""] * len(cells)
    if unfit := [text for text, of in scored.items() if of not in tasks]:
        raise OptionError(f"metric {unfit[0]} is for {scored[unfit[0]]}; these runs are {', '.join(sorted({*tasks}))}")
    _refuse_several(cells, settings)
    any_own = any(cell.own for cell in cells)
    for place, cell in enumerate(cells):
        own = {kind: dict(getattr(cell, kind)) for kind in asked}
        for kind, values in asked.items():
            own[kind] |= {name: value for name, value in values.items() if name in getattr(names[place], kind)}
        passed = {name: value for name, value in settings.items() if cell.own or not any_own or name not in OF_OWN}
        yield {**own, **passed, "metrics": [text for text, of in scored.items() if of == tasks[place]]}


def _telling(progress: Callable[[Step], None] | None, step: Step, began: float) -> Callable[[Progress], None]:
    """What a cell's run tells, which is what the sweep tells. Cells to come take as long as those so far, on average."""
    own = time.monotonic()

    def tell(run: Progress) -> None:
        if progress is None:
            return
        now = time.monotonic()
        spent, left = now - began, run.left
        if left is None and step.done:  # by those before, until this one knows better
            left = max(0.0, (own - began) / step.done - (now - own))
        rest = None if left is None else left + (spent + left) / (step.done + 1) * (step.total - step.done - 1)
        progress(Step(step.cell, step.done, step.total, run, rest))

    return tell


def _check_settings(settings: Mapping[str, Any]) -> None:
    """Raise OptionError for what `zoo.evaluate` does not take, and for what can be right for no cell."""
    known = [name for name in inspect.signature(evaluate).parameters if name not in OF_A_CELL]
    for name in settings:
        if name not in known:
            raise OptionError(
                f"a sweep has no setting {name!r}", did_you_mean(name, known, f"its settings are: {', '.join(known)}")
            )
    defaults = {name: one.default for name, one in inspect.signature(evaluate).parameters.items()}
    Request.of({**defaults, "model": "", "benchmark": None, **settings})
    How.of({**defaults, **settings})


def _refuse_several(cells: Sequence[Cell], settings: Mapping[str, Any]) -> None:
    """Raise OptionError where one file of weights would go to several models."""
    own = {cell.row for cell in cells if cell.own} or {cell.row for cell in cells}
    if len(own) > 1 and (name := next((name for name in OF_ONE if settings.get(name) is not None), None)):
        raise OptionError(f"`{name}` is of one model, and {len(own)} are to be run: {', '.join(sorted(own)[:5])}", "run it alone")


def _reasons(left_out: Sequence[LeftOut], most: int = 3) -> str:
    said = [f"{one.row} on {one.column}: {one.reason}" for one in left_out[:most]]
    return "; ".join(said) + (f"; … ({len(left_out)} pairs)" if len(left_out) > most else "")
