"""Matching a model's classes to a dataset's: by name or declared ids, never by position."""

from collections.abc import Sequence

from zoo.errors import ModelError
from zoo.tasks.base import DataInfo, ModelInfo


def class_columns(model: ModelInfo, data: DataInfo) -> tuple[int, list[int] | None]:
    """How many outputs the model has, and which of them are the dataset's classes in order (None: all, as they are).

    Outputs for classes that the dataset lacks are left out. Raises ModelError where the model's classes are unknown or
    one of the dataset's is not among them.
    """
    classes = data.classes or ()
    if model.classes == "dataset":
        return len(classes), None
    if not isinstance(model.classes, tuple):
        raise ModelError(
            f"{model.name} does not say which class each of its outputs is",
            f'name them in order by classes; classes="dataset" says that they are those of {data.name} in order',
        )
    lists = [model.classes, model.class_ids or ()]
    labels = next((names for names in lists if set(classes) <= set(names)), model.classes)
    if labels == classes:
        return len(classes), None
    index = {name: position for position, name in enumerate(labels)}
    absent = [name for name in classes if name not in index]
    if absent:
        raise ModelError(
            f"{model.name} has no output for {len(absent)} of the {len(classes)} classes of {data.name}: {some(absent)}",
            "its classes are: "
            + "; or by their ids: ".join(some(names) for names in lists if names)
            + "; classes names the outputs otherwise, in order",
        )
    twice = [name for name in dict.fromkeys(classes) if labels.count(name) > 1 or classes.count(name) > 1]
    if twice:
        raise ModelError(
            f"several classes have one name, so those of {model.name} and {data.name} cannot be matched: {some(twice)}",
            "give each class a name of its own",
        )
    return len(model.classes), [index[name] for name in classes]


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few of some names, and how many there are."""
    return ", ".join(names[:most]) + (f", … ({len(names)} in all)" if len(names) > most else "")
