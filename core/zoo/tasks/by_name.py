"""The six tasks. Each file here is one: its types, what a model must do, how a batch is predicted and stored."""

from zoo.errors import ModelError
from zoo.lazy import load_target
from zoo.specs import BenchmarkSpec
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Rows, Task

__all__ = ["TARGETS_OF", "TASKS", "Batch", "DataInfo", "ModelInfo", "Rows", "Task", "task_class", "task_of"]

TASKS: dict[str, str] = {
    "attack": "zoo.tasks.attack.task:Attack",
    "classify": "zoo.tasks.classify:Classify",
    "detect": "zoo.tasks.detect:Detect",
    "embed": "zoo.tasks.embed:Embed",
    "generate": "zoo.tasks.generate.restore:Generate",
    "segment": "zoo.tasks.segment:Segment",
}
"""Task name to the class that runs it, or that knows which does."""

TARGETS_OF: dict[str, str] = {"attack": "classify"}
"""Tasks that take the targets of another: a dataset that serves the latter serves them, too."""


def task_class(name: str) -> type[Task]:
    """The class of a task. Raises ModelError where this version cannot run it."""
    if name not in TASKS:
        raise ModelError(f"this version of deepzoo cannot run task {name!r}", f"it runs: {', '.join(sorted(TASKS))}")
    loaded: type[Task] = load_target(TASKS[name])
    return loaded


def task_of(benchmark: BenchmarkSpec) -> type[Task]:
    """The class that runs a benchmark."""
    return task_class(benchmark.task).suited(benchmark.modality, benchmark.protocol, tuple(benchmark.aux))
