"""Figures: pictures of the first predictions of a run, drawn by its task from what the shards hold."""

import hashlib
import re
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError
from zoo.home import writing
from zoo.runs.plan import Plan
from zoo.runs.shards import read_shard
from zoo.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np


def check_figures(task: type[Task], count: int) -> None:
    """Raise OptionError where so many figures cannot be; worth asking before the model runs."""
    if count < 0:
        raise OptionError(f"save_figures must be at least 0, not {count}")
    if count and task.draw is Task.draw:
        raise OptionError(f"predictions of task {task.name} cannot be drawn", "leave `save_figures` out")


def save_figures(plan: Plan, count: int) -> list[tuple[str, str]]:
    """Draw the first `count` samples that were predicted, as PNG in the run's folder: (path, SHA-256) of each.

    A figure that cannot be drawn costs a warning, not the run.
    """
    saved = []
    for position, columns in islice(_predictions(plan), count):
        sample_id = plan.dataset.ids[position]
        path = f"figures/{position:05d}-{_file_name(sample_id)}.png"
        try:
            picture = plan.task.draw(plan.dataset[position], columns)
            if picture is None:
                raise ValueError("its task drew nothing")
            with writing(plan.folder / path) as temporary:
                picture.save(temporary, format="PNG")
            saved.append((path, hashlib.sha256((plan.folder / path).read_bytes()).hexdigest()))
        except Exception as error:
            warnings.warn(f"there is no figure of {sample_id}: {type(error).__name__}: {error}", stacklevel=2)
    return saved


def _file_name(sample_id: str) -> str:
    """The id as a part of a file's name, without the suffix of the picture that the sample came from."""
    stem = re.sub(r"\.(bmp|gif|jpe?g|pgm|png|ppm|tiff?|webp)$", "", sample_id, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem)[-80:]


def _predictions(plan: Plan) -> "Iterator[tuple[int, dict[str, np.ndarray[Any, Any]]]]":
    """Position and decoded columns of every predicted sample, a row at a time."""
    for shard in plan.shards():
        stored = read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)
        if stored is None:
            continue
        table = stored.table
        kept = [position for position in shard.positions if plan.dataset.ids[position] not in stored.skipped]
        for row, position in enumerate(kept):
            yield position, plan.task.decode(table.slice(row, 1))
