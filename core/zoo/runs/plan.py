"""The plan of a run: what will run on what, resolved and checked, and the key that follows from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset
from zoo.data.download import Progress as DownloadProgress
from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.home import zoo_home
from zoo.identity.code import code_of
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.metrics.names import bare_metric
from zoo.opening.composing import named_model
from zoo.opening.datasets import open_dataset
from zoo.opening.known import known_or_opened
from zoo.opening.models import Model
from zoo.opening.own import kind_of, own_model
from zoo.opening.own_data import OwnData, own_data
from zoo.opening.seen import seen_in_training
from zoo.opening.weights_choice import Choice
from zoo.opening.written import Written, is_written
from zoo.passmark import parse_pass_mark
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import Registry, default_benchmark
from zoo.remarks import remark
from zoo.runs.key import manifest_of, runner_of, settled
from zoo.runs.overrides import altered, asked_aux, asked_protocol
from zoo.runs.precision import Precision, asked_precision
from zoo.runs.request import Request
from zoo.runs.sampling import copied, take
from zoo.runs.shards import Shard, plan_shards
from zoo.runs.written import opened, with_file
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec, ModelSpec
from zoo.storage.address import joined
from zoo.storage.objects import Objects
from zoo.tasks.base import DataInfo, Rows, Task
from zoo.tasks.by_name import task_of


@dataclass(frozen=True)
class Plan:
    """A run, before anything is computed."""

    request: Request
    benchmark: BenchmarkSpec
    model: Model
    aux: Mapping[str, Model]
    dataset: Dataset
    positions: Sequence[int]
    sampled: str
    """How the positions of a limited run were taken; empty where it runs on all."""
    task: Task
    metrics: Sequence[tuple[str, Metric, MetricSpec]]
    precision: Precision
    key: str
    manifest: dict[str, Any]
    altered: tuple[str, ...] = ()
    """Settings and other models of the benchmark that the caller replaced."""
    doubt: str = ""
    """Why none of its predictions are used again; empty where they are."""
    files: frozenset[str] = frozenset()
    """Those of the plugin that declares the task, which its key knows."""
    asked: Request | None = None
    """The request as the caller made it: whoever plans it elsewhere gets the same plan."""
    shards_at: str = ""
    """Address below which its shards are kept, with its secrets; empty: in its folder."""

    @property
    def named(self) -> bool:
        """Whether the model and all others that it needs have names: what they promise is held against them."""
        return not any(model.own for model in (self.model, *self.aux.values()))

    @property
    def samples(self) -> int:
        """How many samples it runs on."""
        return len(self.positions)

    @property
    def folder(self) -> Path:
        """Where the run's shards lie."""
        return zoo_home() / "runs" / self.key

    def settled_again(self) -> "Plan":
        """The same with the key that it has now that its model may have been seen to read or draw what no key knows."""
        manifest = dict(self.manifest)
        key, doubt = settled(manifest, (self.doubt,))
        return replace(self, key=key, manifest=manifest, doubt=doubt)

    def shards(self) -> list[Shard]:
        """The run's shards, in order."""
        return plan_shards(self.positions, self.task.shard_of(self.samples), self.folder / "shards", self.at)

    @property
    def at(self) -> Objects | None:
        """The run's folder where its shards are kept at an address."""
        return Objects(joined(self.shards_at, self.key)) if self.shards_at else None

    def ids(self, shard: Shard) -> list[str]:
        """Ids of a shard's samples, in order."""
        if isinstance(shard.positions, range):
            return list(self.dataset.ids[shard.positions.start : shard.positions.stop])
        return [self.dataset.ids[position] for position in shard.positions]

    def told(self, shard: Shard) -> str:
        """Which samples a shard has: `shard 3, samples 3000 to 3999`."""
        first, last = (self.dataset.ids[shard.positions[place]] for place in (0, -1))
        return f"shard {shard.index}, sample{f's {first} to {last}' if first != last else f' {first}'}"


def plan_run(registry: Registry, request: Request, downloading: DownloadProgress | None = None) -> Plan:
    """Resolve names, open the data, bind the task, and derive the key. Raises ZooError before anything is spent."""
    asked, request = request, request.fetched()
    data = None if request.benchmark is None or isinstance(request.benchmark, str) else own_data(request.benchmark)
    written = opened(request.model, request, _outputs(registry, request, data)) if is_written(request.model) else None
    if written is not None:
        request = request.model_copy(update={"model": written.module, "name": request.name or written.name})
    named = _Named(registry, request.model) if isinstance(request.model, str) else None
    kind = named.spec.kind if named else kind_of(request.model)
    tasks = [request.task] if request.task else list(named.spec.tasks) if named else ["attack"] if kind else None
    if tasks and request.classes is not None:  # whoever names the outputs means them
        tasks.sort(key=lambda task: task != "classify")
    if data is not None:
        benchmark, dataset_spec = default_benchmark(data.spec, tasks, kind), data.spec
    else:
        benchmark = registry.benchmark(_benchmark_name(registry, named, request), tasks=tasks, kind=kind)
        dataset_spec = registry.dataset(benchmark.dataset)
    _check_task(named, benchmark, request.task)
    origin = registry.dataset(dataset_spec.base) if dataset_spec.base else dataset_spec
    model = _model(named, written, request, benchmark, origin)
    opener = code_of((dataset_spec.target, origin.target), requires=(*dataset_spec.requires, *origin.requires))
    reopen = partial(open_dataset, dataset_spec, benchmark.split, request.data_dir, downloading)
    dataset = data.dataset if data else known_or_opened(dataset_spec, benchmark.split, request.data_dir, opener, reopen)
    classes = tuple(dataset.classes) if dataset.classes else None
    info = DataInfo(dataset_spec.name, benchmark.split, dataset_spec.modality, classes)
    suited = task_of(benchmark)
    if model.info.modality not in (None, info.modality, *suited.also_takes):
        raise ModelError(f"{model.info.name} takes {model.info.modality}, but {info.name} is {info.modality}")
    model = model.spelled(classes or ())
    settings = {**(request.protocol or {}), **({} if request.outputs is None else {"outputs": request.outputs})}
    protocol, others = asked_protocol(suited, benchmark, settings), asked_aux(suited, benchmark, request.aux or {})
    aux = {
        role: _aux_model(registry, suited, role, other, origin, request).spelled(classes or ()) for role, other in others.items()
    }
    infos = {role: other.info for role, other in aux.items()}
    changed = altered(suited, benchmark, protocol, {role: other.name for role, other in infos.items()})
    task = suited(model.info, info, protocol, infos)
    metrics = _metrics(registry, request, benchmark, named)
    _try_on_nothing(task, metrics, classes or ())
    positions, sampled = take(dataset, request.limit, task.name)
    base, copies = copied(dataset)
    ids = [base.ids[i // copies] for i in positions[::copies]]
    if request.weights_file and (known := seen_in_training(request.weights_file, origin.name, ids)):
        remark(known)
    precision = asked_precision(registry, request.precision, task)
    runner = runner_of(task)
    manifest = manifest_of(request, benchmark, model, aux, dataset, task, precision, task.shard_of(len(positions)), runner)
    # All that there is is no limited run, whatever the limit.
    manifest["dataset"]["limit"] = [len(positions), sampled] if sampled else None
    manifest["dataset"]["code"] = opener.identity
    doubts = (
        model.doubt,
        opener.doubt,
        precision.doubt,
        *(other.doubt for other in aux.values()),
        runner.doubt if runner else "",
    )
    key, doubt = settled(manifest, doubts)
    files = runner.files if runner else frozenset()
    return Plan(
        request,
        benchmark,
        model,
        aux,
        dataset,
        positions,
        sampled,
        task,
        metrics,
        precision,
        key,
        manifest,
        altered=changed,
        doubt=doubt,
        files=files,
        asked=asked,
    )


def placed(plan: Plan, device: Any) -> Any:
    """The device that a run is on: the one that was picked, unless its model runs elsewhere, whatever is asked for."""
    import torch

    own = plan.model.info.device
    if own is None or own == str(device):
        return device
    return torch.device(own)


class _Named:
    """A model given by name: its spec and its tag."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.spec, self.tag = registry.tagged_model(name)


def _benchmark_name(registry: Registry, named: _Named | None, request: Request) -> str:
    """What to run on: as asked, else the dataset that the tagged or the only weights are for, else the only one that fits."""
    if request.benchmark is not None:
        return str(request.benchmark)
    if named is None:
        raise OptionError("a model of your own needs a benchmark", 'zoo.evaluate(model, "digits")')
    spec, tags = named.spec, _tags(registry, named.spec, named.tag)
    if len(tags) == 1 and _is_for(registry, tags[0], spec.tasks):
        return tags[0]
    fitting = registry.benchmarks_of(spec)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise OptionError(f"{spec.name} fits several benchmarks, so name one", f"it fits {', '.join(fitting)}")
    near = [found.name for task in spec.tasks for found in registry.benchmarks(task=task, modality=spec.modality)]
    known = f"benchmarks of {', '.join(spec.tasks)}: {', '.join(near)}" if near else "name data of your own; zoo list datasets"
    raise OptionError(f"{spec.name} does not say what to run it on", known)


def _tags(registry: Registry, spec: ModelSpec, tag: str | None) -> tuple[str, ...]:
    """The tag that was given, else those that there are; of a model without weights of its own those of its leading part."""
    if tag is not None or spec.weights:
        return (tag,) if tag is not None else tuple(spec.weights)
    part = registry.leading_part(spec)
    return _tags(registry, *part) if part is not None else ()


def _is_for(registry: Registry, tag: str, tasks: Collection[str]) -> bool:
    """Whether a tag of weights is the name of a benchmark, or of a dataset, of one of these tasks."""
    try:
        return registry.benchmark(tag, tasks=list(tasks)).task in tasks
    except UnknownNameError:
        return False


def _check_task(named: _Named | None, benchmark: BenchmarkSpec, asked: str | None) -> None:
    if asked and benchmark.task != asked:
        raise ModelError(
            f"{benchmark.name} is a benchmark of task {benchmark.task}, not {asked}", f"zoo list benchmarks --task {asked}"
        )
    if named and benchmark.task not in named.spec.tasks:
        have = ", ".join(named.spec.tasks)
        raise ModelError(
            f"{benchmark.name} is a benchmark of task {benchmark.task}; {named.spec.name} has: {have}",
            f"zoo list benchmarks --task {have.partition(',')[0]}",
        )


def _model(
    named: _Named | None, written: Written | None, request: Request, benchmark: BenchmarkSpec, dataset: DatasetSpec
) -> Model:
    if named is None:
        if request.options or (written is None and (request.weights or request.weights_key is not None)):
            raise OptionError("weights and options are for models by name; load your own model's weights yourself")
        own = _own(request.model, request, benchmark.task, dataset)
        return own if written is None else with_file(own, written)
    others = list((request.aux or {}).values())
    others_own = any(not isinstance(other, str) or is_written(other) for other in others)
    if not others_own and any(value is not None for value in (request.input, request.key, request.name)):
        raise OptionError("input, key and name are for models of your own; a model by name declares them")
    theirs = any(is_written(other) for other in others)
    choice = Choice(
        named.tag,
        dataset.name,
        None if theirs else request.weights_file,
        request.allow_pickle,
        request.data_dir,
        None if theirs else request.weights_key,
        None if others_own else request.classes,
    )
    return named_model(named.spec, benchmark.task, choice, request.options)


def _own(module: Any, request: Request, task: str, dataset: DatasetSpec) -> Model:
    return own_model(
        module,
        classes=request.classes,
        input=request.input,
        key=request.key,
        name=request.name,
        task=task,
        modality=dataset.modality,
    )


def _outputs(registry: Registry, request: Request, data: OwnData | None) -> int | None:
    """How many classes the data of a run declare."""
    if data is not None:
        return len(data.spec.classes or ()) or None
    if request.benchmark is None:
        return None
    benchmark = registry.benchmark(request.benchmark, tasks=[request.task] if request.task else None)
    return len(registry.dataset(benchmark.dataset).classes or ()) or None


def _aux_model(registry: Registry, kind: type[Task], role: str, other: Any, dataset: DatasetSpec, request: Request) -> Model:
    """Another model that the protocol needs, by name or the user's own, for the task that its role demands."""
    roles = {**kind.roles, **kind.optional_roles}
    if is_written(other):
        written = opened(other, request, len(dataset.classes or ()) or None)
        request = request.model_copy(update={"name": request.name or written.name})
        return with_file(_own(written.module, request, roles.get(role, ""), dataset), written)
    if not isinstance(other, str):
        return _own(other, request, roles.get(role, ""), dataset)
    spec, tag = registry.tagged_model(other)
    task = roles.get(role, next(iter(spec.tasks)))
    return named_model(spec, task, Choice(tag, dataset.name, data_dir=request.data_dir))


def _metrics(
    registry: Registry, request: Request, benchmark: BenchmarkSpec, named: _Named | None
) -> list[tuple[str, Metric, MetricSpec]]:
    """The benchmark's metrics and those asked for beside them, each as written, built, and described."""
    texts = dict.fromkeys((*benchmark.metrics, *map(registry.written_metric, request.metrics)))
    specs = [(text, registry.metric(text)) for text in texts]
    for text, spec in specs:
        if spec.task != benchmark.task:
            # A dataset has no task of its own: there the model decides.
            what = f"{benchmark.name} is {benchmark.task}"
            if named and benchmark.name == benchmark.dataset:
                what = f"this run is {benchmark.task}, as {named.spec.name} is"
            known = ", ".join(other.name.removeprefix("core/") for other in registry.metrics(task=benchmark.task))
            raise OptionError(
                f"metric {bare_metric(text)} is for {spec.task}; {what}",
                f"metrics of {benchmark.task}: {known}",
            )
    if benchmark.pass_mark is not None:
        mark = parse_pass_mark(benchmark.pass_mark)
        mark.check(benchmark.name, dict(specs)[mark.metric].direction)
    return [(text, build_metric(text, spec), spec) for text, spec in specs]


def no_rows(task: Task, classes: tuple[str, ...]) -> Rows:
    """What a metric sees of no samples."""
    return Rows((), task.decode(task.schema.empty_table()), classes)


def _try_on_nothing(task: Task, metrics: Sequence[tuple[str, Metric, MetricSpec]], classes: tuple[str, ...]) -> None:
    """Score no samples, so that an option that does not fit the classes is met before the model runs."""
    for text, metric, spec in metrics:
        with in_plugin(spec.name, f"metric {text}"):
            metric.compute(metric.update(no_rows(task, classes)), classes)
