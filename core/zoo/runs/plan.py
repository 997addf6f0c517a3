"""The plan of a run: what will run on what, resolved and checked, and the key that follows from it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset
from zoo.data.download import Progress as DownloadProgress
from zoo.errors import ModelError, OptionError
from zoo.home import zoo_home
from zoo.identity.code import PREDICTING, code_of, core_sha256
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.metrics.names import bare_metric
from zoo.opening.datasets import open_dataset
from zoo.opening.models import Choice, Model, named_model, own_model
from zoo.plugins.registry import Registry
from zoo.runs.overrides import altered, asked_aux, asked_protocol
from zoo.runs.reusing import settled
from zoo.runs.shards import Shard, plan_shards
from zoo.specs import BenchmarkSpec, DatasetSpec, ImageInput, MetricSpec
from zoo.tasks.base import DataInfo, Rows, Task
from zoo.tasks.by_name import task_of


@dataclass(frozen=True)
class Request:
    """What the caller asked for, as `zoo.evaluate` takes it."""

    model: Any
    benchmark: str | None
    task: str | None = None
    weights: Path | None = None
    allow_pickle: bool = False
    classes: Sequence[str] | str | None = None
    input: ImageInput | None = None
    key: str | None = None
    name: str | None = None
    options: Mapping[str, Any] | None = None
    protocol: Mapping[str, Any] | None = None
    aux: Mapping[str, Any] | None = None
    metrics: Sequence[str] = ()
    limit: int | None = None
    seed: int = 0
    precision: str = "fp32"
    data_dir: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Plan:
    """A run, before anything is computed."""

    request: Request
    benchmark: BenchmarkSpec
    model: Model
    aux: Mapping[str, Model]
    dataset: Dataset
    samples: int
    task: Task
    metrics: Sequence[tuple[str, Metric, MetricSpec]]
    key: str
    manifest: dict[str, Any]
    altered: tuple[str, ...] = ()
    """Settings and other models of the benchmark that the caller replaced."""
    doubt: str = ""
    """Why none of its predictions are used again; empty where they are."""

    @property
    def folder(self) -> Path:
        """Where the run's shards lie."""
        return zoo_home() / "runs" / self.key

    def shards(self) -> list[Shard]:
        """The run's shards, in order."""
        return plan_shards(self.samples, self.task.shard_size, self.folder / "shards")

    def ids(self, shard: Shard) -> list[str]:
        """Ids of a shard's samples, in order."""
        return [self.dataset.ids[position] for position in shard.positions]


def plan_run(registry: Registry, request: Request, downloading: DownloadProgress | None = None) -> Plan:
    """Resolve names, open the data, bind the task, and derive the key. Raises ZooError before anything is spent."""
    if request.limit is not None and request.limit < 1:
        raise OptionError(f"--limit must be at least 1, not {request.limit}")
    if request.precision not in ("fp32", "bf16", "fp16"):
        raise OptionError(f"precision {request.precision!r} is unknown", "choose fp32, bf16 or fp16")
    named = _Named(registry, request.model) if isinstance(request.model, str) else None
    tasks = [request.task] if request.task else list(named.spec.tasks) if named else None
    benchmark = registry.benchmark(_benchmark_name(named, request), tasks=tasks)
    _check_task(named, benchmark, request.task)
    dataset_spec = registry.dataset(benchmark.dataset)
    model = _model(named, request, benchmark, dataset_spec)
    dataset = open_dataset(dataset_spec, benchmark.split, request.data_dir, downloading)
    classes = tuple(dataset.classes) if dataset.classes else None
    info = DataInfo(dataset_spec.name, benchmark.split, dataset_spec.modality, classes)
    if model.info.modality not in (None, info.modality):
        raise ModelError(f"{model.info.name} takes {model.info.modality}, but {info.name} is {info.modality}")
    kind = task_of(benchmark)
    protocol, others = asked_protocol(kind, benchmark, request.protocol or {}), asked_aux(kind, benchmark, request.aux or {})
    aux = {role: _aux_model(registry, kind, role, other, dataset_spec, request) for role, other in others.items()}
    infos = {role: other.info for role, other in aux.items()}
    changed = altered(kind, benchmark, protocol, {role: other.name for role, other in infos.items()})
    task = kind(model.info, info, protocol, infos)
    metrics = _metrics(registry, request, benchmark, named)
    _try_on_nothing(task, [metric for _, metric, _ in metrics], classes or ())
    samples = min(len(dataset.ids), request.limit or len(dataset.ids))
    manifest = _manifest(request, benchmark, model, aux, dataset, task)
    opener = code_of((dataset_spec.target,), requires=dataset_spec.requires)
    manifest["dataset"]["code"] = opener.identity
    key, doubt = settled(manifest, (model.doubt, opener.doubt, *(other.doubt for other in aux.values())))
    return Plan(request, benchmark, model, aux, dataset, samples, task, metrics, key, manifest, changed, doubt)


class _Named:
    """A model given by name: its spec and its tag."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.spec, self.tag = registry.tagged_model(name)


def _benchmark_name(named: _Named | None, request: Request) -> str:
    """What to run on: as asked, else the dataset that the only or the tagged weights are for."""
    if request.benchmark is not None:
        return request.benchmark
    if named is None:
        raise OptionError("a model of your own needs a benchmark", 'zoo.evaluate(model, "digits")')
    if named.tag is not None:
        return named.tag
    if len(named.spec.weights) == 1:
        return next(iter(named.spec.weights))
    raise OptionError(
        f"{named.spec.name} does not say what to run it on", f"zoo run {named.spec.name} --on BENCHMARK; zoo list benchmarks"
    )


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


def _model(named: _Named | None, request: Request, benchmark: BenchmarkSpec, dataset: DatasetSpec) -> Model:
    if named is None:
        if request.weights or request.options:
            raise OptionError("weights and options are for models by name; load your own model's weights yourself")
        return own_model(request.model, classes=request.classes, input=request.input, key=request.key, name=request.name)
    others_own = any(not isinstance(other, str) for other in (request.aux or {}).values())
    if not others_own and any(value is not None for value in (request.classes, request.input, request.key, request.name)):
        raise OptionError("classes, input, key and name are for models of your own; a model by name declares them")
    choice = Choice(named.tag, dataset.name, request.weights, request.allow_pickle, request.data_dir)
    return named_model(named.spec, benchmark.task, choice, request.options)


def _aux_model(registry: Registry, kind: type[Task], role: str, other: Any, dataset: DatasetSpec, request: Request) -> Model:
    """Another model that the protocol needs, by name or the user's own, for the task that its role demands."""
    if not isinstance(other, str):
        return own_model(other, classes=request.classes, input=request.input, key=request.key, name=request.name)
    spec, tag = registry.tagged_model(other)
    task = kind.roles.get(role, next(iter(spec.tasks)))
    return named_model(spec, task, Choice(tag, dataset.name, data_dir=request.data_dir))


def _metrics(
    registry: Registry, request: Request, benchmark: BenchmarkSpec, named: _Named | None
) -> list[tuple[str, Metric, MetricSpec]]:
    """The benchmark's metrics and those asked for beside them, each as written, built, and described."""
    specs = [(text, registry.metric(text)) for text in dict.fromkeys((*benchmark.metrics, *request.metrics))]
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
    return [(text, build_metric(text, spec), spec) for text, spec in specs]


def no_rows(task: Task, classes: tuple[str, ...]) -> Rows:
    """What a metric sees of no samples."""
    return Rows((), task.decode(task.schema.empty_table()), classes)


def _try_on_nothing(task: Task, metrics: Sequence[Metric], classes: tuple[str, ...]) -> None:
    """Score no samples, so that an option that does not fit the classes is met before the model runs."""
    for metric in metrics:
        metric.compute(metric.update(no_rows(task, classes)), classes)


def _manifest(
    request: Request, benchmark: BenchmarkSpec, model: Model, aux: Mapping[str, Model], dataset: Dataset, task: Task
) -> dict[str, Any]:
    """All that determines the predictions. The metrics are not among it: they fold stored predictions."""
    return {
        "model": _facts(model),
        "aux": {role: _facts(other) for role, other in aux.items()},
        "dataset": {
            "fingerprint": dataset.fingerprint,
            "classes": task.data.classes,
            "split": benchmark.split,
            "limit": request.limit,
        },
        "task": {"name": task.name, "version": task.version, "shard_size": task.shard_size, "protocol": task.protocol},
        "core": core_sha256(*PREDICTING),
        "seed": request.seed,
        "precision": request.precision,
    }


def _facts(model: Model) -> dict[str, Any]:
    preprocessing = model.info.input.model_dump(mode="json") if model.info.input else None
    return {
        "identity": model.identity,
        "input": preprocessing,
        "classes": model.info.classes,
        "class_ids": model.info.class_ids,
    }
