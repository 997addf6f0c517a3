"""From a recipe to a job: names resolved, data opened and split, task and metric bound, and the key of it all."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from zoo.data.dataset import Dataset
from zoo.data.download import Progress as DownloadProgress
from zoo.errors import OptionError, did_you_mean
from zoo.home import zoo_home
from zoo.identity.code import TRAINING, Code, code_of, core_sha256
from zoo.metrics.build import build_metric
from zoo.opening.composing import named_model
from zoo.opening.models import Model
from zoo.opening.weights_choice import Choice
from zoo.plugins.registry import Registry
from zoo.remarks import remark
from zoo.runs.overrides import asked_aux, asked_protocol
from zoo.specs import BenchmarkSpec, ImageInput, MetricSpec, ModelSpec, Optimizer, RecipeSpec
from zoo.tasks.base import DataInfo, ModelInfo, Task
from zoo.tasks.by_name import declared_task, task_class, task_of
from zoo.training.augment import build_augment
from zoo.training.checking import check_kind, check_labels
from zoo.training.data import training_data
from zoo.training.job import TrainingJob, TrainingProgress
from zoo.training.outputs import fitted_config
from zoo.training.split import Subset, split_validation
from zoo.training.techniques import chosen, with_techniques


@dataclass(frozen=True)
class Asked:
    """What the caller asked for, beside the recipe."""

    overrides: Mapping[str, Any]
    device: str
    data_dir: str | os.PathLike[str] | None = None
    progress: Callable[[TrainingProgress], None] | None = None
    techniques: Sequence[str] = ()
    without: Sequence[str] = ()
    processes: int = 1


def plan_training(registry: Registry, recipe: RecipeSpec, asked: Asked) -> TrainingJob:
    """The job of a recipe. Raises ZooError before any time is spent on training."""
    recipe = with_techniques(registry, overridden(recipe, asked.overrides), asked.techniques, asked.without)
    techniques = chosen(registry, recipe)
    recipe, benchmark = _with_benchmark(registry, recipe)
    model, data = registry.model(recipe.model), registry.dataset(recipe.dataset)
    if model.parts:
        raise OptionError(
            f"{model.name} is made of {', '.join(model.parts)}, and a recipe trains one model",
            "train the part by a recipe of its own, and name it with its weights in brackets",
        )
    check_kind(recipe, model, data)
    dataset, held_out = training_data(data, recipe, asked.data_dir, _downloading(recipe, asked))
    check_labels(dataset, recipe)
    info = DataInfo(data.name, recipe.split, data.modality, tuple(dataset.classes) if dataset.classes else None)
    config = fitted_config(recipe, model, len(info.classes) if info.classes else None, asked.overrides)
    recipe = recipe.model_copy(update={"config": config})
    build_augment(recipe.augment, data.modality)
    task, aux = _task(registry, recipe, model, info, benchmark, asked)
    recipe = recipe.model_copy(update={"metric": registry.written_metric(recipe.metric)})
    metric_spec = _metric_spec(registry, recipe)
    metric = build_metric(recipe.metric, metric_spec)
    metric.check(info.classes or ())
    trained, validated = split_validation(dataset, recipe.validation, recipe.seed, recipe.hold_out)
    _check_processes(asked, recipe, len(trained))
    needed = [text for one in techniques.each for text in one.spec.requires]
    targets = (data.target, metric_spec.target, *(one.spec.target for one in techniques.each))
    code = training_code(recipe, model, *targets, requires=needed)
    key = _key(training_key(recipe, model, dataset, asked.device, code), task, aux)
    job = TrainingJob(
        recipe=recipe,
        model=model,
        task=task,
        train=Subset(dataset, trained),
        validation=Subset(dataset, validated),
        metric=metric,
        direction=_direction(recipe, metric_spec.direction),
        fingerprint=dataset.fingerprint,
        folder=zoo_home() / "trained" / f"{recipe.name.replace('/', '-')}-{key[:12]}",
        key=key,
        device=asked.device,
        progress=asked.progress,
        aux=aux,
        held_out=held_out,
        scored_on=data.held_out or "" if held_out else data.name,
        code=code,
        processes=asked.processes,
    )
    job.techniques.check(asked.device, recipe)  # and so bound: what a trainer opens is watched
    if asked.processes == 1 and (idle := techniques.name_of("parallel")):
        remark(f"{idle} does nothing in one process: ask for `processes=2` or more", stacklevel=2)
    return job


def _check_processes(asked: Asked, recipe: RecipeSpec, samples: int) -> None:
    """Raises OptionError where so many processes have no device each, or no sample each of a batch."""
    count, batch = asked.processes, min(recipe.batch_size, samples)
    if count < 1:
        raise OptionError(f"`processes` is {count}", "ask for 1 or more")
    if count == 1:
        return
    if count > batch:
        raise OptionError(
            f"{count} processes cannot share a batch of {batch}",
            f"ask for at most {batch} `processes`, or for larger batches: `overrides.batch_size={count}`",
        )
    import torch

    kind, _, index = asked.device.partition(":")
    if kind not in ("cpu", "cuda") or index:
        raise OptionError(f"{count} processes cannot train on {asked.device}", "take `device=cpu`, or `device=cuda`: a GPU each")
    if kind == "cuda" and count > torch.cuda.device_count():
        raise OptionError(
            f"{count} processes take a GPU each, and there are {torch.cuda.device_count()}", "ask for fewer, or `device=cpu`"
        )


def _with_benchmark(registry: Registry, recipe: RecipeSpec) -> tuple[RecipeSpec, BenchmarkSpec | None]:
    """The recipe with what its benchmark says of it. Raises OptionError where nobody names a model or a dataset."""
    benchmark = registry.benchmark(recipe.benchmark) if recipe.benchmark else None
    if benchmark is not None:
        recipe = recipe.model_copy(update={"task": benchmark.task, "dataset": recipe.dataset or benchmark.dataset})
    elif recipe.protocol:
        raise OptionError(f"{recipe.name} has a protocol, but no benchmark whose protocol it changes", "name the benchmark")
    for field, example in (("model", "timm/resnet18"), ("dataset", "folder:PATH")):
        if not getattr(recipe, field):
            raise OptionError(f"{recipe.name} leaves the {field} to whoever trains", f"name one: `{field}`, such as {example}")
    return recipe, benchmark


def _task(
    registry: Registry, recipe: RecipeSpec, model: ModelSpec, info: DataInfo, benchmark: BenchmarkSpec | None, asked: Asked
) -> tuple[Task, dict[str, Model]]:
    """The task of the benchmark, or else of the recipe on its dataset alone, and the other models that it needs."""
    about = ModelInfo(model.name, model.modality, "dataset", recipe.input or model.input)
    if benchmark is None:
        return task_class(recipe.task).suited(info.modality, {}, ())(about, info), {}
    kind = task_of(benchmark)
    aux: dict[str, Model] = {}
    for role, name in asked_aux(kind, benchmark, {}).items():
        spec, tag = registry.tagged_model(name)
        choice = Choice(tag, info.name, data_dir=asked.data_dir)
        aux[role] = named_model(spec, kind.roles.get(role, next(iter(spec.tasks))), choice)
    protocol = asked_protocol(kind, benchmark, recipe.protocol)
    return kind(about, info, protocol, {role: other.info for role, other in aux.items()}), aux


def _key(key: str, task: Task, aux: Mapping[str, Model]) -> str:
    """The key of a training, with what its validation depends on beside the recipe's own fields."""
    if not task.protocol and not aux:
        return key
    facts = [key, task.protocol, {role: other.identity for role, other in aux.items()}]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _metric_spec(registry: Registry, recipe: RecipeSpec) -> MetricSpec:
    """The metric that selects the checkpoint. Raises OptionError where it is of another task."""
    spec = registry.metric(recipe.metric)
    if spec.task != recipe.task:
        known = ", ".join(other.name.removeprefix("core/") for other in registry.metrics(task=recipe.task))
        raise OptionError(
            f"metric {recipe.metric} is for {spec.task}; {recipe.name} trains to {recipe.task}", f"choose of: {known}"
        )
    return spec


def _downloading(recipe: RecipeSpec, asked: Asked) -> DownloadProgress | None:
    """What tells the caller how far a download is, if they want to know."""
    tell = asked.progress
    return None if tell is None else lambda done, total: tell(TrainingProgress(0, recipe.epochs, done, total or 0))


def overridden(recipe: RecipeSpec, overrides: Mapping[str, Any]) -> RecipeSpec:
    """The recipe with some fields replaced; `config.width` is a field's part.

    Raises OptionError for a field that there is not, with the nearest, and for a value that is not valid.
    """
    fields = recipe.model_dump()
    for name, value in overrides.items():
        first, *parts = name.split(".")
        _check_field(RecipeSpec, first, f"{recipe.name} has no field {name!r}")
        inner: type[BaseModel] | None = {"optimizer": Optimizer, "input": ImageInput}.get(first)  # type: ignore[assignment]
        if inner is not None and parts:
            _check_field(inner, parts[0], f"{first} of {recipe.name} has no part {parts[0]!r}")
        for key in reversed(parts):
            value = {key: value}
        fields[first] = _merged(fields.get(first), value) if parts else value
    try:
        return RecipeSpec.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "a field"
        message = str(wrong["msg"]).removeprefix("Value error, ")
        raise OptionError(f"{where} of {recipe.name}: {message}, not {wrong['input']!r}", f"zoo show {recipe.name}") from error


def _check_field(declared: type[BaseModel], name: str, what: str) -> None:
    if name not in declared.model_fields:
        fields = f"its fields are: {', '.join(declared.model_fields)}"
        raise OptionError(what, did_you_mean(name, declared.model_fields, fields))


def _merged(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """A mapping with another laid over it, at every depth."""
    kept = dict(old) if isinstance(old, Mapping) else {}
    return {**kept, **{key: _merged(kept.get(key), value) if isinstance(value, dict) else value for key, value in new.items()}}


def training_code(recipe: RecipeSpec, model: ModelSpec, *targets: str, requires: Sequence[str] = ()) -> Code:
    """The code that has a part in the trained weights: model, trainer, and these targets, which may need other distributions."""
    needed = (*model.requires, *recipe.requires, *requires)
    task = declared_task(recipe.task).target  # the core's own is no part of it
    return code_of((model.tasks.get(recipe.task), recipe.trainer, task, *targets), requires=needed)


def training_key(recipe: RecipeSpec, model: ModelSpec, dataset: Dataset, device: str, code: Code) -> str:
    """Hash of what determines the trained weights: recipe, model, samples, device, and all code that has a part in them."""
    facts = {
        "recipe": recipe.model_dump(mode="json", exclude={"summary"}),
        "model": model.model_dump(mode="json", include={"tasks", "config", "input"}),
        "dataset": dataset.fingerprint,
        "device": device,
        "code": code.identity,
        "core": core_sha256(*TRAINING),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _direction(recipe: RecipeSpec, direction: str) -> Literal["higher", "lower"]:
    if direction == "higher" or direction == "lower":
        return direction  # type: ignore[return-value]
    raise OptionError(f"{recipe.metric} has no better and worse, so it cannot select a checkpoint", "choose another metric")
