"""All that a plugin can do. Implement any of these in the module that your entry point of group `zoo` names.

[project.entry-points.zoo]
myplugin = "my_package"
"""

from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from zoo.runs.progress import Progress
    from zoo.runs.record import RunRecord, RunStart
    from zoo.specs import (
        BenchmarkSpec,
        CommandSpec,
        DatasetSpec,
        MetricSpec,
        ModalitySpec,
        ModelSpec,
        RecipeSpec,
        Spec,
        SpecKind,
        SuiteSpec,
        TaskSpec,
        TechniqueSpec,
    )
    from zoo.training.job import TrainingProgress
    from zoo.training.record import TrainingRecord, TrainingStart

__all__ = [
    "hookimpl",
    "zoo_benchmarks",
    "zoo_commands",
    "zoo_datasets",
    "zoo_drawer",
    "zoo_metrics",
    "zoo_modalities",
    "zoo_models",
    "zoo_names",
    "zoo_namespaces",
    "zoo_recipes",
    "zoo_resolve",
    "zoo_run_failed",
    "zoo_run_finished",
    "zoo_run_progress",
    "zoo_run_started",
    "zoo_spec_kinds",
    "zoo_suites",
    "zoo_tasks",
    "zoo_techniques",
    "zoo_train_failed",
    "zoo_train_finished",
    "zoo_train_progress",
    "zoo_train_started",
]

hookspec = HookspecMarker("zoo")
hookimpl = HookimplMarker("zoo")


@hookspec
def zoo_models() -> "list[ModelSpec]":  # type: ignore[empty-body]
    """Models, by task and modality, with the weights that they have."""


@hookspec
def zoo_datasets() -> "list[DatasetSpec]":  # type: ignore[empty-body]
    """Datasets, with their files, hashes, licence and splits."""


@hookspec
def zoo_metrics() -> "list[MetricSpec]":  # type: ignore[empty-body]
    """Metrics, each a fold from predictions and targets to a score."""


@hookspec
def zoo_benchmarks() -> "list[BenchmarkSpec]":  # type: ignore[empty-body]
    """Benchmarks: a task on a dataset's split, scored by metrics, perhaps with a pass mark."""


@hookspec
def zoo_recipes() -> "list[RecipeSpec]":  # type: ignore[empty-body]
    """Recipes, each of which trains a model's weights on a dataset."""


@hookspec
def zoo_suites() -> "list[SuiteSpec]":  # type: ignore[empty-body]
    """Suites: named sets of runs, of a model that is asked for or of models of their own."""


@hookspec
def zoo_techniques() -> "list[TechniqueSpec]":  # type: ignore[empty-body]
    """Techniques of training: optimizers, schedules, precisions, and what saves memory or uses many processes."""


@hookspec
def zoo_commands() -> "list[CommandSpec]":  # type: ignore[empty-body]
    """Commands to add to `zoo`."""


@hookspec
def zoo_tasks() -> "list[TaskSpec]":  # type: ignore[empty-body]
    """Tasks beside the core's six, each a class that says how models of it are run and their predictions stored."""


@hookspec
def zoo_modalities() -> "list[ModalitySpec]":  # type: ignore[empty-body]
    """Modalities beside image, text and vector: what an input may be."""


@hookspec
def zoo_spec_kinds() -> "list[SpecKind]":  # type: ignore[empty-body]
    """Kinds of entry that the core does not know; every plugin may then implement the hook `zoo_<name>s` of each."""


@hookspec
def zoo_namespaces() -> "list[str]":  # type: ignore[empty-body]
    """Prefixes of dynamic names (`folder` of `folder:PATH`, `timm` of `timm/NAME`) that `zoo_resolve` answers."""


@hookspec(firstresult=True)
def zoo_names(namespace: str) -> "tuple[str, list[Spec]] | None":
    """The specs of all names in one of the plugin's namespaces, and the distribution with whose version they change, or None."""


@hookspec(firstresult=True)
def zoo_resolve(kind: str, name: str) -> "Spec | None":
    """The spec of a dynamic name in one of the plugin's namespaces, or None."""


@hookspec(firstresult=True)
def zoo_drawer(model: Any) -> "Callable[[Any], Image] | None":
    """What draws, for `save_figures`, what a loaded model sees in one prepared input, or None of a model it does not know."""


@hookspec
def zoo_run_started(run: "RunStart") -> None:
    """A run is about to compute its shards."""


@hookspec
def zoo_run_progress(run: "RunStart", progress: "Progress") -> None:
    """A run that was started has predicted another batch, or goes on to score."""


@hookspec
def zoo_run_failed(run: "RunStart", error: BaseException) -> None:
    """A run that was started has ended without a record: it raised `error`, or was interrupted."""


@hookspec
def zoo_run_finished(record: "RunRecord") -> None:
    """A run is finished and its record is stored."""


@hookspec
def zoo_train_started(training: "TrainingStart") -> None:
    """A training is about to take its first step, or to go on from its last finished epoch."""


@hookspec
def zoo_train_progress(training: "TrainingStart", progress: "TrainingProgress") -> None:
    """A training has taken some more steps; at an epoch's end `progress` has the validation score."""


@hookspec
def zoo_train_failed(training: "TrainingStart", error: BaseException) -> None:
    """A training that was started has ended without weights: it raised `error`, or was interrupted."""


@hookspec
def zoo_train_finished(record: "TrainingRecord") -> None:
    """A training that was started is finished, and its weights are written; one that is found done is not told of."""
