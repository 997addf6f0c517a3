"""From a recipe to a job: names resolved, data opened and split, task and metric bound, and the key of it all."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from zoo.data.dataset import Dataset
from zoo.data.download import Progress as DownloadProgress
from zoo.errors import ModelError, OptionError
from zoo.home import zoo_home
from zoo.identity.code import TRAINING, Code, code_of, core_sha256
from zoo.metrics.build import build_metric
from zoo.opening.datasets import open_dataset
from zoo.plugins.registry import Registry
from zoo.specs import ModelSpec, RecipeSpec
from zoo.tasks.base import DataInfo, ModelInfo
from zoo.tasks.by_name import task_class
from zoo.training.job import Progress, TrainingJob
from zoo.training.split import Subset, split_validation


@dataclass(frozen=True)
class Asked:
    """What the caller asked for, beside the recipe."""

    overrides: Mapping[str, Any]
    device: str
    data_dir: str | os.PathLike[str] | None = None
    progress: Callable[[Progress], None] | None = None


def plan_training(registry: Registry, recipe: RecipeSpec, asked: Asked) -> TrainingJob:
    """The job of a recipe. Raises ZooError before any time is spent on training."""
    recipe = overridden(recipe, asked.overrides)
    model, data = registry.model(recipe.model), registry.dataset(recipe.dataset)
    if model.modality != data.modality:
        raise ModelError(f"{model.name} takes {model.modality}, but {data.name} is {data.modality}", f"correct {recipe.name}")
    dataset = open_dataset(data, recipe.split, asked.data_dir, _downloading(recipe, asked))
    info = DataInfo(data.name, recipe.split, data.modality, tuple(dataset.classes) if dataset.classes else None)
    kind = task_class(recipe.task).suited(data.modality, {}, ())
    task = kind(ModelInfo(model.name, model.modality, "dataset", recipe.input or model.input), info)
    metric_spec = registry.metric(recipe.metric)
    metric = build_metric(recipe.metric, metric_spec)
    metric.check(info.classes or ())
    trained, validated = split_validation(dataset, recipe.validation, recipe.seed, recipe.hold_out)
    code = training_code(recipe, model, data.target, metric_spec.target)
    key = training_key(recipe, model, dataset, asked.device, code)
    return TrainingJob(
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
        code=code,
    )


def _downloading(recipe: RecipeSpec, asked: Asked) -> DownloadProgress | None:
    """What tells the caller how far a download is, if they want to know."""
    tell = asked.progress
    return None if tell is None else lambda done, total: tell(Progress(0, recipe.epochs, done, total or 0))


def overridden(recipe: RecipeSpec, overrides: Mapping[str, Any]) -> RecipeSpec:
    """The recipe with some fields replaced; `config.width` is a field's part. Raises OptionError where a value is not valid."""
    fields = recipe.model_dump()
    for name, value in overrides.items():
        first, *parts = name.split(".")
        for key in reversed(parts):
            value = {key: value}
        fields[first] = _merged(fields.get(first), value) if parts else value
    try:
        return RecipeSpec.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        hint = f"its fields are: {', '.join(RecipeSpec.model_fields)}"
        raise OptionError(f"{'.'.join(map(str, wrong['loc']))} of {recipe.name}: {wrong['msg']}", hint) from error


def _merged(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """A mapping with another laid over it, at every depth."""
    kept = dict(old) if isinstance(old, Mapping) else {}
    return {**kept, **{key: _merged(kept.get(key), value) if isinstance(value, dict) else value for key, value in new.items()}}


def training_code(recipe: RecipeSpec, model: ModelSpec, *targets: str) -> Code:
    """The code that has a part in the trained weights: model, trainer, and these targets."""
    return code_of((model.tasks.get(recipe.task), recipe.trainer, *targets), requires=(*model.requires, *recipe.requires))


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
