"""The cells of a sweep: which model runs on which benchmark, and which pairs are left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from zoo.opening.written import is_written
from zoo.plugins.registry import Registry
from zoo.specs import BenchmarkSpec, SuiteRun, SuiteSpec
from zoo.sweeps.fit import misfit
from zoo.sweeps.patterns import is_pattern, matching, refuse_empty
from zoo.tasks.by_name import task_of


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: `row` and `column` say where it stands in the table, `model` and `benchmark` what is run on what."""

    row: str
    column: str
    model: Any
    benchmark: str
    aux: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    name: str | None = None
    """Of the user's own module, where a mapping gives it one."""

    @property
    def own(self) -> bool:
        """Whether a network of the user's own has a part in it, as a module or as where it is written."""
        return any(not isinstance(model, str) or is_written(model) for model in (self.model, *self.aux.values()))


@dataclass(frozen=True)
class LeftOut:
    """A pair that does not fit, and why."""

    row: str
    column: str
    reason: str


class Asked(NamedTuple):
    """A model that was asked for: what it is called in the table, the name or the module, and whether a pattern matched it."""

    label: str
    model: Any
    matched: bool = False
    name: str | None = None


Models = Any
"""A name, a pattern or a module; several of them; or a mapping from names to modules."""


def is_one_run(registry: Registry, models: Sequence[Any], benchmarks: Sequence[str]) -> bool:
    """Whether this is one model on at most one benchmark, which is no sweep but a run."""
    if len(models) != 1 or len(benchmarks) > 1 or _is_pattern(models[0]):
        return False
    return not any(_is_pattern(name) or suite_of(registry, name) for name in benchmarks)


def planned(
    registry: Registry,
    models: Models,
    benchmarks: Sequence[str],
    *,
    task: str | None,
    plugin: str | None,
    own_weights: bool = False,
) -> tuple[list[Cell], list[LeftOut]]:
    """All pairs that fit, models in the order in which they were asked for; and those that do not.

    Raises UnknownNameError for a name that nothing has, OptionError where there is nothing to run.
    """
    columns = list({column.label: column for column in _columns(registry, benchmarks, task)}.values())
    asked = list(_asked(registry, models or _of_suites(columns), task, plugin))
    if not asked:
        hint = "name one, a pattern such as 'cnn/*', or a task or plugin whose models are meant"
        raise OptionError("no model is named", hint)
    cells: list[Cell] = []
    left_out: list[LeftOut] = []
    for one in asked:
        for column in columns or _fitting(registry, one):
            found = _cell(registry, one, column, task, plugin, own_weights)
            (cells if isinstance(found, Cell) else left_out).append(found)  # type: ignore[arg-type]
    return cells, left_out


def benchmark_of(registry: Registry, cell: Cell, task: str | None) -> BenchmarkSpec:
    """The benchmark of a cell's run, where `task` is asked for."""
    if not isinstance(cell.model, str) or is_written(cell.model):
        return registry.benchmark(cell.benchmark, tasks=[task] if task else None)
    spec, _ = registry.tagged_model(cell.model)
    return registry.benchmark(cell.benchmark, tasks=[task] if task and not cell.aux else list(spec.tasks), kind=spec.kind)


class Column(NamedTuple):
    """What every model is to run on: under a name of its own, with full names, and of which suite."""

    label: str
    """`data/mnist`; where another model runs there, `robust/pgd:steps=20 on robust/mnist-linf`."""
    run: SuiteRun
    suite: SuiteSpec | None = None


def suite_of(registry: Registry, name: str) -> SuiteSpec | None:
    """The suite of a name; a benchmark of the same bare name goes before it."""
    if registry.knows("benchmark", name) or not registry.knows("suite", name):
        return None
    return registry.suite(name)


def _is_pattern(text: Any) -> bool:
    return isinstance(text, str) and is_pattern(text) and not is_written(text)


def _columns(registry: Registry, benchmarks: Iterable[str], task: str | None) -> Iterator[Column]:
    for text in benchmarks:
        refuse_empty(text, "benchmark")
        if not _is_pattern(text):
            names = [text]
        else:
            names = [entry["name"] for entry in matching(registry.index, ("benchmark", "suite"), text, task=task)]
        for name in names:
            suite = suite_of(registry, name)
            runs = suite.runs if suite else (SuiteRun(benchmark=name),)
            for run in runs:
                full = {"benchmark": _full_benchmark(registry, run.benchmark)}
                if run.model:
                    full["model"] = registry.model(run.model).name
                yield _column(run.model_copy(update=full), suite)


def _column(run: SuiteRun, suite: SuiteSpec | None = None) -> Column:
    settings = ",".join(f"{name}={value}" for name, value in {**run.options, **run.protocol}.items())
    who = f"{run.model or ''}{f':{settings}' if settings else ''}"
    return Column(f"{who} on {run.benchmark}" if who else run.benchmark, run, suite)


def _full_benchmark(registry: Registry, name: str) -> str:
    """The full name of a benchmark, or of the dataset that is one by itself. Raises UnknownNameError."""
    if registry.index.dynamic_plugin(name):
        return name
    try:
        return registry.index.find("benchmark", name)
    except AmbiguousNameError:
        raise
    except UnknownNameError:
        return registry.benchmark(name).name


def _of_suites(columns: Sequence[Column]) -> list[str]:
    """The models of the suites that were asked for."""
    suites = {column.suite.name: column.suite.models for column in columns if column.suite}
    return [name for models in suites.values() for name in models]


def _asked(registry: Registry, models: Models, task: str | None, plugin: str | None) -> Iterator[Asked]:
    """Each model once, under its full name. Without any, those of the task and the plugin, if these are named."""
    if not models and (task or plugin):
        models = ["*"]
    named = models.items() if isinstance(models, Mapping) else ((None, model) for model in _several(models))
    seen: dict[str, Any] = {}
    for name, model in named:
        refuse_empty(model, "model")
        for one in _expanded(registry, name, model, task, plugin):
            if one.label not in seen:
                seen[one.label] = one.model
                yield one
            elif seen[one.label] is not one.model and not isinstance(one.model, str):
                raise OptionError(f"two models are called {one.label}", "give them names: a mapping from name to model")


def _several(models: Any) -> Iterable[Any]:
    return models if isinstance(models, (list, tuple)) else [models] if models is not None else []


def _expanded(registry: Registry, name: str | None, model: Any, task: str | None, plugin: str | None) -> Iterator[Asked]:
    if not isinstance(model, str):
        known = getattr(model, "zoo_info", None)
        yield Asked(f"local/{name}" if name else known.name if known else f"local/{type(model).__name__}", model, name=name)
    elif is_written(model):
        yield Asked(model, model, name=name)
    elif _is_pattern(model):
        _, at, tag = model.partition("@")
        for entry in matching(registry.index, ("model",), model, task=task, plugin=plugin):
            full = f"{entry['name']}{at}{tag}"
            yield Asked(full, full, matched=True)
    else:
        spec, given = registry.tagged_model(model)
        full = f"{spec.name}@{given}" if given else spec.name
        yield Asked(full, full)


def _fitting(registry: Registry, asked: Asked) -> list[Column]:
    """The benchmarks that a model fits as it is, where none is named."""
    if not isinstance(asked.model, str) or is_written(asked.model):
        raise OptionError("a model of your own needs a benchmark", 'zoo.sweep([model], ["digits"])')
    spec, tag = registry.tagged_model(asked.model)
    if tag is not None:
        spec = spec.model_copy(update={"weights": {name: weights for name, weights in spec.weights.items() if name == tag}})
    return [_column(SuiteRun(benchmark=name)) for name in registry.benchmarks_of(spec) or [""]]


def _cell(
    registry: Registry, asked: Asked, column: Column, task: str | None, plugin: str | None, own_weights: bool
) -> Cell | LeftOut:
    run = column.run
    if not run.benchmark:
        return LeftOut(asked.label, "any benchmark", "it fits none as it is; name one, or give it weights")
    if plugin is not None and isinstance(asked.model, str) and asked.model.partition("/")[0] != plugin:
        return LeftOut(asked.label, column.label, f"it is none of plugin {plugin}")
    runs: dict[str, Any] = {"options": run.options, "protocol": run.protocol, "limit": run.limit}
    named = isinstance(asked.model, str) and not is_written(asked.model)
    if run.model is not None:
        reason = _unfit_role(registry, asked.model, run) if run.role and named else ""
        aux = {run.role: asked.model} if run.role else {}
        cell = Cell(asked.label, column.label, run.model, run.benchmark, aux, **runs)
    else:
        spec, tag = registry.tagged_model(asked.model) if named else (None, None)
        reason = misfit(registry, spec, tag, run.benchmark, task, known=asked.matched, own_weights=own_weights) if spec else ""
        cell = Cell(asked.label, column.label, asked.model, run.benchmark, name=asked.name, **runs)
    return LeftOut(asked.label, column.label, reason) if reason else cell


def _unfit_role(registry: Registry, name: str, run: SuiteRun) -> str:
    """Why a model cannot take its role in a run of another: it is held against the data of that run, as if it ran there."""
    benchmark = registry.benchmark(run.benchmark, tasks=list(registry.model(run.model or "").tasks))
    kind = task_of(benchmark)
    task = {**kind.roles, **kind.optional_roles}.get(run.role or "")
    spec, tag = registry.tagged_model(name)
    if task is None or task not in spec.tasks:
        return f"it does {', '.join(spec.tasks)}, and the {run.role} must do {task or 'something else'}"
    return misfit(registry, spec, tag, benchmark.dataset, task, known=False, own_weights=False)
