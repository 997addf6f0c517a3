"""What can be said of a task, or a modality, that a plugin declares: its class, and that what it stores is read back."""

from collections.abc import Iterator
from typing import Any

from zoo.errors import ZooError, reason_of
from zoo.lazy import load_target
from zoo.plugins.discovery import Plugin
from zoo.tasks.base import Task
from zoo.tasks.by_name import task_class
from zoo.testing.findings import Finding


def check_words(plugin: Plugin) -> Iterator[Finding]:
    """Whether what its tasks and modalities point to can be imported, and a task's class is what it should be."""
    for task in plugin.tasks:
        problem = _problem(lambda: task_class(task.name)) or _problem(_called, task.form)  # noqa: B023 - called at once
        yield Finding("targets", "failed" if problem else "ok", task.name, *(problem or ("", "")))
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
