"""Tasks by name: the core's six, and those that plugins declare by the same contract."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from zoo.errors import ModelError, PluginError, reason_of
from zoo.lazy import load_target
from zoo.specs import BenchmarkSpec, ModalitySpec, TaskSpec
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Rows, Task
from zoo.tasks.declared import MODALITIES, TASK_SPECS

__all__ = [
    "TARGETS_OF",
    "TASKS",
    "Batch",
    "DataInfo",
    "ModelInfo",
    "Rows",
    "Task",
    "declared_modality",
    "declared_task",
    "is_core",
    "plugin_of_task",
    "served_by",
    "task_class",
    "task_of",
    "unknown_word",
]

TASKS: dict[str, str] = {name: spec.target for name, spec in TASK_SPECS.items()}
"""Each of the core's tasks, and the class that runs it, or that knows which does."""

TARGETS_OF: dict[str, str] = {name: spec.targets_of for name, spec in TASK_SPECS.items() if spec.targets_of}
"""Of the core's tasks those that take the targets of another: a dataset that serves the latter serves them, too."""

REGISTRY = "zoo.plugins.registry:registry"
"""Reached by name, since the registry itself knows the tasks."""


def declared_task(name: str) -> TaskSpec:
    """What is declared of a task, by the core or by a plugin. Raises ModelError where nobody declares it."""
    return TASK_SPECS.get(name) or TaskSpec.model_validate(_by_plugins("task", name, "tasks", TASK_SPECS))


def declared_modality(name: str) -> ModalitySpec:
    """What is declared of a modality, by the core or by a plugin. Raises ModelError where nobody declares it."""
    return MODALITIES.get(name) or ModalitySpec.model_validate(_by_plugins("modality", name, "modalities", MODALITIES))


def _by_plugins(what: str, name: str, declared_as: str, core: Collection[str]) -> dict[str, Any]:
    declared: dict[str, dict[str, Any]] = getattr(load_target(REGISTRY)().index, declared_as)
    if name not in declared:
        known = (*core, *declared)
        raise ModelError(f"there is no {what} {unknown_word(name, known)}", f"there are: {', '.join(known)}")
    return declared[name]


def unknown_word(name: str, known: Collection[str]) -> str:
    """A task or modality that nobody declares, the nearest one, and what may be missing."""
    near = get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]!r}? Or is " if near else "is "
    return f"{name!r}: {meant}the plugin that declares it missing?"


def is_core(name: str) -> bool:
    """Whether a task is one of the core's own."""
    return name in TASK_SPECS


def task_class(name: str) -> type[Task]:
    """The class of a task. Raises ModelError where nobody declares it, PluginError where its plugin's class is none."""
    spec = declared_task(name)
    if name in TASK_SPECS:
        loaded: type[Task] = load_target(spec.target)
        return loaded
    return _loaded(spec)


def task_of(benchmark: BenchmarkSpec) -> type[Task]:
    """The class that runs a benchmark."""
    found = task_class(benchmark.task).suited(benchmark.modality, benchmark.protocol, tuple(benchmark.aux))
    if found.name != benchmark.task:  # else its predictions would be stored as another one's
        raise PluginError(
            f"task {benchmark.task!r} is run by {found.__name__}, which calls itself {found.name!r}", "its `suited` is wrong"
        )
    return found


def served_by(task: str, tasks: Collection[str]) -> bool:
    """Whether a dataset that serves `tasks` serves a task. Raises ModelError where nobody declares it."""
    return task in tasks or declared_task(task).targets_of in tasks


def _loaded(spec: TaskSpec) -> type[Task]:
    """The class that a plugin declares, which must be one of a task of that name."""
    plugin = plugin_of_task(spec.name)
    who, update = (
        load_target("zoo.plugins.entries:plugin_title")(plugin),
        f"zoo plugins install --upgrade {plugin['distribution']}",
    )
    try:
        found: Any = load_target(spec.target)
    except PluginError as error:
        raise PluginError(f"{who} cannot run task {spec.name!r}: {error.message}", error.hint or update) from error
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{who} cannot run task {spec.name!r}: importing {spec.target!r} raised {type(error).__name__}: {reason_of(error)}",
            update,
        ) from error
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise PluginError(f"{who}: {spec.target!r}, the class of task {spec.name!r}, is no subclass of zoo.tasks.Task", update)
    if getattr(found, "name", None) != spec.name or not isinstance(getattr(found, "version", None), int):
        raise PluginError(f"{who}: {spec.target!r} must have the name {spec.name!r} and a whole number as its version", update)
    return found


def plugin_of_task(task: str) -> dict[str, Any]:
    """What the index says of the plugin that declares a task, which is none of the core's."""
    index = load_target(REGISTRY)().index
    found: dict[str, Any] = next(plugin for plugin in index.plugins if any(one["name"] == task for one in plugin["tasks"]))
    return found
