"""Whether a model fits a benchmark, by what both declare: nothing is opened, and whoever does not fit is left out, not failed."""

from collections.abc import Sequence

from zoo.errors import ModelError, WeightsError
from zoo.opening.class_names import respelled
from zoo.opening.weights_choice import Choice, choose_weights
from zoo.plugins.registry import Registry
from zoo.specs import CERTIFY, BenchmarkSpec, DatasetSpec, ModelSpec
from zoo.tasks.base import DataInfo, ModelInfo
from zoo.tasks.by_name import declared_task, task_of
from zoo.tasks.classes import class_columns

Names = tuple[tuple[str, ...] | None, tuple[str, ...] | None]
"""Names of a model's classes, and ids of the same."""


def misfit(
    registry: Registry, model: ModelSpec, tag: str | None, name: str, task: str | None, *, known: bool, own_weights: bool
) -> str:
    """Why a model by name cannot be run on a benchmark or dataset; empty where nothing speaks against it.

    `known` asks for more than that nothing does, as is right of whoever matched a pattern: that the model has weights for it, or
    a score on it. With `own_weights` what the model's own weights say does not matter.
    """
    tasks: Sequence[str] = [task] if task else list(model.tasks)
    try:
        benchmark = registry.benchmark(name, tasks=tasks, kind=model.kind)
    except ModelError as error:
        return error.message
    return _of_another_kind(model, benchmark, tasks) or (
        "" if own_weights else _of_other_names(registry, model, tag, benchmark) or (_unknown(registry, model, benchmark, known))
    )


def _of_another_kind(model: ModelSpec, benchmark: BenchmarkSpec, tasks: Sequence[str]) -> str:
    """Why task or modality do not fit."""
    if benchmark.task not in tasks or benchmark.task not in model.tasks:
        return f"it does {', '.join(model.tasks)}, and the benchmark is one of {benchmark.task}"
    if model.modality not in (benchmark.modality, *task_of(benchmark).also_takes):
        return f"it takes {model.modality}, and the benchmark is {benchmark.modality}"
    if benchmark.task == "attack" and (model.kind == CERTIFY) != (benchmark.protocol.get("kind") == CERTIFY):
        return "it certifies, and the benchmark attacks" if model.kind == CERTIFY else "it attacks, and the benchmark certifies"
    if model.parts and not model.made_of:
        return f"it is made of other models, which its name must say: {', '.join(model.parts)}"
    return ""


def _of_other_names(registry: Registry, model: ModelSpec, tag: str | None, benchmark: BenchmarkSpec) -> str:
    """Why weights or classes do not fit."""
    dataset = registry.dataset(benchmark.dataset)
    origin = registry.dataset(dataset.base) if dataset.base else dataset
    try:
        names, ids = _classes(registry, model, tag, origin)
    except WeightsError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    if benchmark.task == "segment":
        edges = benchmark.protocol.get("kind") == "edges"
        if edges == (names is not None):
            return (
                "it labels pixels, and the benchmark is of edges" if edges else "it finds edges, and the benchmark is of labels"
            )
    if not declared_task(benchmark.task).classes or names is None or not dataset.classes:
        return ""
    spelled, _ = respelled(names, dataset.classes)
    try:
        class_columns(
            ModelInfo(model.name, model.modality, spelled, class_ids=ids),
            DataInfo(dataset.name, benchmark.split, dataset.modality, dataset.classes),
        )
    except ModelError as error:
        return error.message
    return ""


def _unknown(registry: Registry, model: ModelSpec, benchmark: BenchmarkSpec, known: bool) -> str:
    """Of whoever matched a pattern: why it is not known to do what the benchmark asks, if it is not."""
    if not known or model.classes or benchmark.task == "attack" or (model.weights and benchmark.task != "generate"):
        return ""
    if benchmark.name in registry.benchmarks_of(model) or model.parts:
        return ""
    if not model.weights:
        return "it ships without weights, and no score of it is known there; by its own name it is run all the same"
    return "nothing says that it does that kind of generating; by its own name it is run all the same"


def _classes(registry: Registry, model: ModelSpec, tag: str | None, dataset: DatasetSpec) -> Names:
    """What a model's outputs are, by the weights that the dataset picks; of a composed one, those of its leading part."""
    _, weights = choose_weights(model, Choice(tag, dataset.name))
    if weights is not None and weights.classes:
        return weights.classes, weights.class_ids
    part = registry.leading_part(model) if weights is None and model.classes is None else None
    return _classes(registry, *part, dataset) if part is not None else (model.classes, None)
