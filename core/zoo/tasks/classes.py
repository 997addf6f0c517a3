"""Matching a model's classes to a dataset's: by name or declared ids, never by position."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zoo.errors import ModelError
from zoo.specs import Frozen
from zoo.tasks.base import DataInfo, ModelInfo

if TYPE_CHECKING:
    from torch import Tensor


class OutputSettings(Frozen):
    """What a protocol says of a model's outputs for classes that the dataset lacks."""

    outputs: Annotated[
        Literal["all", "dataset"],
        Field(description="all: every output competes, and a class that the data lacks is wrong; dataset: its classes alone."),
    ] = "all"


@dataclass(frozen=True)
class Outputs:
    """A model's outputs as they are scored: those of the dataset's classes in order, then the others that compete.

    `count` is how many the model has, `width` how many are scored, and `columns` says which, in order (None: all, as they are).
    """

    count: int
    width: int
    columns: Sequence[int] | None = None

    def ordered(self, logits: "Tensor", axis: int = 1) -> "Tensor":
        """Scores of all the model's outputs along an axis, in this order."""
        import torch

        if self.columns is None:
            return logits
        return logits.index_select(axis, torch.tensor(self.columns, device=logits.device))


def scored_outputs(model: ModelInfo, data: DataInfo, which: Literal["all", "dataset"]) -> Outputs:
    """Which outputs of a model compete on a dataset. Raises ModelError as `class_columns` does, and where only one is left."""
    classes = data.classes or ()
    count, columns = class_columns(model, data)
    own = tuple(range(len(classes))) if columns is None else tuple(columns)
    others = () if which == "dataset" else tuple(sorted(set(range(count)) - set(own)))
    if len(own) + len(others) == 1:
        raise ModelError(
            f"{model.name} can say nothing but {classes[0]!r} on {data.name}, so whatever it says is right",
            "name all its classes" if model.classes == "dataset" or count == 1 else 'let all its outputs compete: outputs "all"',
        )
    order = (*own, *others)
    return Outputs(count, len(order), None if order == tuple(range(count)) else order)


def class_columns(model: ModelInfo, data: DataInfo) -> tuple[int, list[int] | None]:
    """How many outputs the model has, and which of them are the dataset's classes in order (None: all, as they are).

    Raises ModelError where the model's classes are unknown or one of the dataset's is not among them.
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
