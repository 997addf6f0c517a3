"""The registry: typed, filterable look-ups of everything that plugins offer."""

import importlib
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeVar

import pluggy

from zoo.errors import AmbiguousNameError, ModelError, OptionError, PluginError, UnknownNameError, ZooError, is_pressed
from zoo.lazy import load_target
from zoo.passmark import parse_pass_mark
from zoo.plugins.blame import in_plugin, raised
from zoo.plugins.checking import of_another_kind, part_error
from zoo.plugins.composed import assigned, is_composed, leading, read_composed, written
from zoo.plugins.entries import Index, entry_of, plugin_title
from zoo.plugins.hooks import Words, manager
from zoo.plugins.index import load_index
from zoo.plugins.names import is_empty, is_path, listing, namespace_of, split_tag
from zoo.plugins.namespaces import select
from zoo.specs import (
    KINDS,
    BenchmarkSpec,
    CommandSpec,
    DatasetSpec,
    MetricSpec,
    ModalitySpec,
    ModelSpec,
    RecipeSpec,
    Spec,
    SuiteSpec,
    TaskSpec,
    TechniqueSpec,
)
from zoo.tasks.base import DataInfo
from zoo.tasks.by_name import served_by, task_class
from zoo.tasks.declared import MODALITIES, TASK_SPECS
from zoo.wording import encodable

S = TypeVar("S", bound=Spec)

_HELD: ContextVar["Registry | None"] = ContextVar("registry", default=None)
_LOADING = threading.RLock()
"""Where there is no index yet, one thread makes it."""


def registry() -> "Registry":
    """The registry of what is installed now; within `one_look_up` that of its beginning."""
    if held := _HELD.get():
        return held
    with _LOADING:
        return Registry(load_index())


@contextmanager
def one_look_up() -> "Iterator[Registry]":
    """Within the block the index is opened once, and every name resolved once, whoever asks."""
    held = registry()
    token = _HELD.set(held)
    try:
        yield held
    finally:
        _HELD.reset(token)


class Registry:
    """Look-ups by name, which raise UnknownNameError with candidates, and lists by filter. Specs come with full names."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._resolved: dict[tuple[str, str], Any] = {}
        """What plugins answered to dynamic names, by kind and name."""

    def __repr__(self) -> str:
        """Registry(612 entries of 14 plugins)."""
        return f"Registry({len(self):,} entries of {len(self.plugins())} plugins)"

    def __len__(self) -> int:
        """How many entries there are, of all kinds."""
        return len(self.index.entries)

    def __iter__(self) -> Iterator[Spec]:
        """All entries, kind by kind."""
        for kind in [*KINDS, *self.index.kinds]:
            yield from self.entries(kind)

    def plugins(self, *, state: str | None = "ok") -> list[str]:
        """Ids of the plugins in a state, those that are in use by default; None: of all that are installed."""
        return [plugin["id"] for plugin in self.index.plugins if state in (None, plugin["state"])]

    def models(self, *, task: str | None = None, modality: str | None = None, plugin: str | None = None) -> list[ModelSpec]:
        """Models, by the task they implement and what they take."""
        return self._list(ModelSpec, "model", task=task, modality=modality, plugin=plugin)

    def datasets(self, *, modality: str | None = None, plugin: str | None = None) -> list[DatasetSpec]:
        """Datasets, by what their samples are."""
        return self._list(DatasetSpec, "dataset", modality=modality, plugin=plugin)

    def metrics(self, *, task: str | None = None, plugin: str | None = None) -> list[MetricSpec]:
        """Metrics, by task."""
        return self._list(MetricSpec, "metric", task=task, plugin=plugin)

    def benchmarks(
        self, *, task: str | None = None, modality: str | None = None, dataset: str | None = None, plugin: str | None = None
    ) -> list[BenchmarkSpec]:
        """Benchmarks, by task, modality, or dataset (full or bare name)."""
        return self._list(BenchmarkSpec, "benchmark", task=task, modality=modality, dataset=dataset, plugin=plugin)

    def recipes(
        self, *, task: str | None = None, modality: str | None = None, dataset: str | None = None, plugin: str | None = None
    ) -> list[RecipeSpec]:
        """Recipes, by task, modality, or dataset."""
        return self._list(RecipeSpec, "recipe", task=task, modality=modality, dataset=dataset, plugin=plugin)

    def tasks(self) -> list[TaskSpec]:
        """Tasks: the core's six, and those that plugins declare."""
        return [*TASK_SPECS.values(), *map(TaskSpec.model_validate, self.index.tasks.values())]

    def modalities(self) -> list[ModalitySpec]:
        """Modalities: the core's three, and those that plugins declare."""
        return [*MODALITIES.values(), *map(ModalitySpec.model_validate, self.index.modalities.values())]

    def commands(self) -> list[CommandSpec]:
        """Commands that plugins add."""
        return self._list(CommandSpec, "command")

    def entries(self, kind: str, *, plugin: str | None = None) -> list[Spec]:
        """All entries of a kind: one of the core's (`model`), or one that a plugin declares (`homework`)."""
        return self._list(self._spec_class(kind), kind, plugin=plugin)

    def entry(self, kind: str, name: str) -> Spec:
        """The entry of a kind, the core's or a plugin's own, by full, bare or dynamic name."""
        return self._get(self._spec_class(kind), kind, name)

    def model(self, name: str) -> ModelSpec:
        """The model of a full, bare, dynamic or composed name, without a weights tag.

        That of `robust/smoothed(cnn/lenet5)` is the wrapper's spec, under that name in full and with `made_of`. Raises
        OptionError where the brackets cannot be read, or what is in them does not fit the spec's `parts`.
        """
        return self._get(ModelSpec, "model", name)

    def tagged_model(self, name: str) -> tuple[ModelSpec, str | None]:
        """The model of a name that may have a tag, and the tag: of its weights, unless a plugin takes it for part of the name.

        A repository has revisions: `hf/OWNER/NAME@REVISION`.
        """
        base, tag = split_tag(name)
        plugin = self.index.dynamic_plugin(name) if tag else None
        whole = self._resolve(plugin, "model", name) if plugin else None
        return (whole, None) if isinstance(whole, ModelSpec) else (self.model(base), tag)

    def dataset(self, name: str) -> DatasetSpec:
        """The dataset of a full, bare or dynamic name (`folder:PATH`)."""
        return self._get(DatasetSpec, "dataset", name)

    def metric(self, text: str) -> MetricSpec:
        """The metric of a name; options, as in `f1:positive=spam`, are passed over."""
        return self._get(MetricSpec, "metric", text.partition(":")[0])

    def written_metric(self, text: str, plugin: str = "") -> str:
        """A metric as records hold it: a bundled one as it is written, without `core/`; of any other plugin by its full name.

        So nobody's metric counts as ours. A bare name that is no bundled one's means `plugin`'s own first. What nobody has stays
        as it is.
        """
        name = text.partition(":")[0]
        same = [full for full in self._metrics if name in (full, full.partition("/")[2])]
        if not same or any(self._metrics[full] for full in same):
            return text.removeprefix("core/")
        own = f"{plugin}/{name}"
        full = own if own in same else same[0] if len(same) == 1 else name  # of several none is meant, as looking it up says
        return full + text[len(name) :]

    @cached_property
    def _metrics(self) -> dict[str, bool]:
        """Full names of all metrics, and whether each is a bundled one."""
        bundled = {one["id"] for one in self.index.plugins if one["bundled"]}
        return {one["name"]: one["plugin"] in bundled for one in self.index.entries if one["kind"] == "metric"}

    def _with_full_metrics(self, spec: S) -> S:
        """A benchmark or a recipe whose metrics are named as records hold them."""
        plugin = namespace_of(spec.name)
        if isinstance(spec, RecipeSpec):
            return spec.model_copy(update={"metric": self.written_metric(spec.metric, plugin)})
        if not isinstance(spec, BenchmarkSpec):
            return spec
        metrics = {text: self.written_metric(text, plugin) for text in spec.metrics}
        mark = spec.pass_mark
        if mark is not None:
            metric = parse_pass_mark(mark).metric
            mark = metrics[metric] + mark[len(metric) :]
        return spec.model_copy(update={"metrics": tuple(metrics.values()), "pass_mark": mark})

    def benchmark(self, name: str, *, tasks: Sequence[str] | None = None, kind: str | None = None) -> BenchmarkSpec:
        """The benchmark of a name, or else the default benchmark of the dataset of that name for one of `tasks`.

        A benchmark of none of `tasks` gives way to the dataset, where that serves one of them. `kind` is the model's.
        """
        found, unknown = None, None
        try:
            found = self._get(BenchmarkSpec, "benchmark", name)
        except AmbiguousNameError:
            raise
        except UnknownNameError as error:
            unknown = error
        if found is not None and (tasks is None or found.task in tasks):
            return found
        try:
            dataset = self.dataset(name)
        except AmbiguousNameError:
            raise
        except UnknownNameError:
            if found is not None:
                return found
            raise unknown or UnknownNameError(f"there is no benchmark named {name!r}") from None
        if found and not any(served_by(task, dataset.tasks) for task in tasks or ()):
            return found
        return default_benchmark(dataset, tasks, kind)

    def leading_part(self, model: ModelSpec) -> tuple[ModelSpec, str | None] | None:
        """Spec and tag of the part by name whose classes and preprocessing are the whole's; None of a model without one."""
        self.refuse_circle(model)
        name = model.made_of.get(leading(model.parts, model.tasks)) if model.parts else None
        return self.tagged_model(name) if name is not None else None

    def refuse_circle(self, model: ModelSpec, above: tuple[str, ...] = ()) -> None:
        """Raise OptionError where a model is made of what is made of it."""
        chain = (*above, model.name)
        if model.name in above:
            circle = " is made of ".join(chain[above.index(model.name) :])
            raise OptionError(f"parts in a circle: {circle}", "name another part")
        for name in model.made_of.values():
            self.refuse_circle(self.tagged_model(name)[0], chain)

    def benchmarks_of(self, model: ModelSpec) -> list[str]:
        """Full names of the benchmarks that a model can be run on as it is; of a composed one, those that its part fits."""
        from zoo.plugins.fitting import benchmarks_of

        fitting = benchmarks_of(self.index, entry_of("", "model", model.model_dump(mode="json")))
        if not model.weights and (part := self.leading_part(model)) is not None:
            spec, tag = part
            chosen = {name: weights for name, weights in spec.weights.items() if tag in (None, name)}
            theirs = map(self.benchmark, self.benchmarks_of(spec.model_copy(update={"weights": chosen})))
            fitting += [found.name for found in theirs if found.task in model.tasks and found.name not in fitting]
        return fitting

    def recipe(self, name: str) -> RecipeSpec:
        """The recipe of a full or bare name."""
        return self._get(RecipeSpec, "recipe", name)

    def suites(self, *, plugin: str | None = None) -> list[SuiteSpec]:
        """Suites of runs."""
        return self._list(SuiteSpec, "suite", plugin=plugin)

    def suite(self, name: str) -> SuiteSpec:
        """The suite of a full or bare name."""
        return self._get(SuiteSpec, "suite", name)

    def techniques(self, *, plugin: str | None = None) -> list[TechniqueSpec]:
        """Techniques of training."""
        return self._list(TechniqueSpec, "technique", plugin=plugin)

    def technique(self, text: str) -> TechniqueSpec:
        """The technique of a name; options, as in `lamb:clip=1`, are passed over."""
        return self._get(TechniqueSpec, "technique", text.partition(":")[0])

    def knows(self, kind: str, name: str) -> bool:
        """Whether there is one entry of a kind by a full or bare name."""
        try:
            self.index.find(kind, name)
        except UnknownNameError:
            return False
        return True

    def observers(self) -> pluggy.PluginManager:
        """A hook caller with only those plugins that observe runs. One that cannot be imported any more costs a warning."""
        return self._implementing("observe", [plugin for plugin in self.index.plugins if plugin["observes"]])

    def drawers(self) -> pluggy.PluginManager:
        """A hook caller with only those plugins that draw what models see."""
        return self._implementing("draw", [plugin for plugin in self.index.plugins if plugin["draws"]])

    def _implementing(self, what: str, plugins: Sequence[dict[str, Any]]) -> pluggy.PluginManager:
        modules = []
        for plugin in plugins:
            try:
                modules.append((plugin["id"], importlib.import_module(plugin["module"])))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and is_pressed(error):
                    raise
                warnings.warn(f"{plugin_title(plugin)} does not {what}: its import {raised(error)}", stacklevel=2)
        return manager(modules)

    def _spec_class(self, kind: str) -> type[Spec]:
        """The class of a kind's specs. Raises UnknownNameError where neither the core nor a plugin declares the kind."""
        if kind in KINDS:
            return KINDS[kind]
        declared = self.index.kinds
        if kind not in declared:
            raise UnknownNameError(f"there is no kind of entry named {kind!r}", f"there are: {', '.join([*KINDS, *declared])}")
        with in_plugin(self._declaring(kind), f"the class of its kind {kind!r}"):
            found: type[Spec] = load_target(declared[kind]["spec"])
        return found

    def _declaring(self, kind: str) -> str:
        """Id of the plugin that declares a kind; empty of the core's."""
        declare = (plugin["id"] for plugin in self.index.plugins if kind in [one["name"] for one in plugin["kinds"]])
        return next(declare, "")

    def _list(self, spec_class: type[S], kind: str, **filters: str | None) -> list[S]:
        with in_plugin(self._declaring(kind), f"the class of its kind {kind!r}"):
            found = [spec_class.model_validate(entry["spec"]) for entry in select(self.index, kind, filters)]
        return [self._with_full_metrics(spec) for spec in found]

    def _get(self, spec_class: type[S], kind: str, name: str) -> S:
        if encodable(name) != name:
            raise OptionError(f"{name!r} is no UTF-8, and so no name that a record could hold", "give it another name, or a link")
        if plugin := self.index.dynamic_plugin(name):
            found = self._resolve(plugin, kind, name)
            if isinstance(found, spec_class):
                return self._with_full_metrics(found)
            raise UnknownNameError(f"{plugin_title(plugin)} knows no {kind} named {name!r}", listing(kind))
        if kind == "model" and is_composed(name):
            return self._composed(name)  # type: ignore[return-value]
        try:
            with in_plugin(self._declaring(kind), f"the class of its kind {kind!r}"):
                return self._with_full_metrics(spec_class.model_validate(self.index.entry(kind, name)["spec"]))
        except AmbiguousNameError:
            raise
        except UnknownNameError as error:
            raise self._of_another_kind(kind, name, error) from None

    def _composed(self, name: str) -> ModelSpec:
        """The spec of a model that is made of those in the brackets of its name, under its full name."""
        entry, parts = read_composed(name)
        spec = self.model(entry)
        made_of = {**spec.made_of, **assigned(spec.name, spec.parts, parts)}
        full = {role: self._part(spec, role, made_of[role]) for role in spec.parts if role in made_of}
        return spec.model_copy(update={"name": written(spec.name, full), "made_of": full})

    def _part(self, whole: ModelSpec, role: str, name: str) -> str:
        """The full name of a part. Raises UnknownNameError, or OptionError where it does not do what its role demands."""
        try:
            spec, tag = self.tagged_model(name)
        except AmbiguousNameError:
            raise
        except UnknownNameError as error:
            raise part_error(error, role, whole.name) from None
        refuse_task(whole, role, spec)
        return f"{spec.name}@{tag}" if tag else spec.name

    def _of_another_kind(self, kind: str, name: str, error: UnknownNameError) -> UnknownNameError:
        """The error that says what a name is instead, and what that is for; the error as it is where it is nothing."""
        other = of_another_kind(self.index, kind, name, error)
        if other is not error:
            return other
        if kind in ("benchmark", "dataset") and is_empty(name):
            hint = "put data there first: a folder of images for each class, for one"
            return UnknownNameError(f"{name} is an empty folder, and no {kind} has that name", hint)
        if kind in ("benchmark", "dataset") and is_path(name) and (names := self._own_data(name)):
            ways = " or ".join(names[:3])
            return UnknownNameError(f"{name} is a path, and no {kind} has that name", f"say what it holds: {ways}")
        return error

    def _own_data(self, path: str) -> list[str]:
        """The names under which plugins take a file or folder of the user's own for a dataset."""
        found = []
        for plugin in self.index.plugins:
            for namespace in plugin["namespaces"]:
                with suppress(ZooError):
                    if isinstance(self._resolve(plugin, "dataset", f"{namespace}:{path}"), DatasetSpec):
                        found.append(f"{namespace}:{path}")
        return found

    def _resolve(self, plugin: dict[str, Any], kind: str, name: str) -> Any:
        """What the plugin of a namespace answers to a dynamic name, asked once."""
        if (kind, name) not in self._resolved:
            self._resolved[kind, name] = self._answer(plugin, kind, name)
        return self._resolved[kind, name]

    def _answer(self, plugin: dict[str, Any], kind: str, name: str) -> Any:
        who = plugin_title(plugin)
        with in_plugin(plugin["id"], f"its zoo_resolve of {name!r}"):
            module = importlib.import_module(plugin["module"])
            found = manager([(plugin["id"], module)]).hook.zoo_resolve(kind=kind, name=name)
        if found is not None and not isinstance(found, self._spec_class(kind)):
            raise PluginError(f"{who} answered {name!r} with {type(found).__name__}, not a {kind}")
        if found is None:
            return None
        if found.name != name:  # under another name its scores would be taken for another one's
            hint = f"its zoo_resolve must give the {kind} the name that it is asked for"
            raise PluginError(f"{who} answered {name!r} with a {kind} named {found.name!r}", hint)
        if unknown := Words().and_of(self.index.tasks, self.index.modalities).unknown_in(kind, vars(found)):
            raise PluginError(f"{who}: {unknown}", f"zoo plugins install --upgrade {plugin['distribution']}")
        return found


def refuse_task(whole: ModelSpec, role: str, part: ModelSpec) -> None:
    """Raise OptionError where a part does not do what its role demands."""
    if (task := whole.parts[role]) not in part.tasks:
        raise OptionError(
            f"{part.name} does {', '.join(part.tasks)}; the {role} of {whole.name} must do {task}",
            f"zoo list models --task {task} shows which do",
        )


def default_benchmark(dataset: DatasetSpec, tasks: Iterable[str] | None = None, kind: str | None = None) -> BenchmarkSpec:
    """The benchmark that a dataset is by itself: its test split (else its last one) under the default metrics of a task.

    The task is the first of `tasks`, a model's, that the dataset serves; without them the dataset's own first. Of a model that
    certifies the benchmark is of that `kind`.
    """
    task = next((name for name in tasks or dataset.tasks if served_by(name, dataset.tasks)), None)
    if task is None:
        raise ModelError(
            f"{dataset.name} serves the tasks {', '.join(dataset.tasks)}, not {', '.join(tasks or ())}",
            f"zoo list datasets shows what each serves; zoo list benchmarks --dataset {dataset.name}",
        )
    split = "test" if "test" in dataset.splits else list(dataset.splits)[-1]
    info = DataInfo(dataset.name, split, dataset.modality, dataset.classes)
    protocol = {"kind": kind} if kind and task == "attack" else {}
    return BenchmarkSpec.model_validate(
        {
            "name": dataset.name,
            "summary": f"Default benchmark of {dataset.name}.",
            "task": task,
            "modality": dataset.modality,
            "dataset": dataset.name,
            "split": split,
            "metrics": task_class(task).suited(dataset.modality, protocol, ()).default_metrics(info),
            "protocol": protocol,
        }
    )
