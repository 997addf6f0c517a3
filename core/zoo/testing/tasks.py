"""What can be said of a task, or a modality, that a plugin declares: its class, and that what it stores is read back."""

from collections.abc import Iterator
from typing import Any

from zoo.data.dataset import Sample
from zoo.errors import OptionError, ZooError, reason_of
from zoo.lazy import load_target
from zoo.metrics.build import build_metric
from zoo.plugins.discovery import Plugin
from zoo.plugins.registry import Registry
from zoo.tasks.base import DataInfo, Task
from zoo.tasks.by_name import task_class
from zoo.testing.findings import Finding


def check_words(plugin: Plugin, entries: Registry) -> Iterator[Finding]:
    """Whether what its tasks and modalities point to is there and what it should be, and a task's default metrics, too."""
    for task in plugin.tasks:
        data = DataInfo("synthetic", "test", next(iter(task.modalities), "image"), None)
        problem = _problem(_tried, task.name, data) or _problem(_called, task.form)
        yield Finding("targets", "failed" if problem else "ok", task.name, *(problem or ("", "")))
        unknown = None if problem else _problem(_scored, task.name, data, entries)
        yield Finding("references", "failed" if unknown else "ok", task.name, *(unknown or ("", "")))
    for modality in plugin.modalities:
        problem = _problem(_called, modality.reader) or _problem(_called, modality.picture)
        yield Finding("targets", "failed" if problem else "ok", modality.name, *(problem or ("", "")))


def check_stores(entry: str, task: Task, rows: dict[str, dict[str, Any]]) -> Finding:
    """Whether a shard without rows is read as columns of length 0, and one of some rows as columns of theirs.

    `rows` are decoded predictions, a sample each.
    """
    fix = "decode gives each of its arrays a row for each of the table's, of an empty table none"
    try:
        empty = task.decode(task.schema.empty_table())
    except Exception as error:
        return Finding("stores", "failed", entry, f"reading no rows raised {type(error).__name__}: {reason_of(error)}", fix)
    if wrong := [name for name, column in empty.items() if len(column)]:
        return Finding("stores", "failed", entry, f"its column {wrong[0]} has {len(empty[wrong[0]])} values of no rows", fix)
    for id_, columns in rows.items():
        if columns.keys() != empty.keys() or any(len(column) != 1 for column in columns.values()):
            lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
            return Finding("stores", "failed", entry, f"one row, of {id_}, is read as {lengths}", fix)
    return Finding("stores", "ok", entry)


def _tried(task: str, data: DataInfo) -> None:
    if wrong := [one for one in task_class(task).examples(data) if not isinstance(one, Sample)]:
        raise TypeError(f"its examples must be zoo.data.Sample, not {type(wrong[0]).__name__}")


def _scored(task: str, data: DataInfo, entries: Registry) -> None:
    for text in task_class(task).default_metrics(data):
        if (spec := entries.metric(text)).task != task:
            raise OptionError(f"its default metric {text} is for task {spec.task}", "name metrics of its own")
        build_metric(text, spec)


def _called(target: str | None) -> None:
    if target is not None and not callable(load_target(target)):
        raise TypeError(f"{target!r} cannot be called")


def _problem(do: Any, *arguments: Any) -> tuple[str, str] | None:
    try:
        do(*arguments)
    except ZooError as error:
        return error.message, error.hint
    except Exception as error:
        return f"{type(error).__name__}: {reason_of(error)}", "mend that module"
    return None
