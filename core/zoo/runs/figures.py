"""Figures: pictures of the first predictions of a run, drawn by its task from what the shards hold, or of what its model sees.

And of what metrics found, where they draw it.
"""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from zoo.data.dataset import Sample
from zoo.errors import OptionError, is_pressed, no_exit
from zoo.home import writing
from zoo.metrics.base import Metric
from zoo.metrics.names import bare_metric
from zoo.plugins.blame import raised
from zoo.plugins.registry import Registry
from zoo.runs.plan import Plan
from zoo.runs.record import Result
from zoo.runs.shards import read_shard
from zoo.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    Columns = dict[str, np.ndarray[Any, Any]]
    Draw = Callable[[Sample, Columns], Image | None]


def drawer(entries: Registry, plan: Plan, count: int) -> "Draw | None":
    """What draws `count` figures: the task, or, where it draws nothing, the first plugin that knows the model.

    Worth asking before the model runs: raises OptionError where nobody can draw. None where no prediction is to be drawn.
    """
    if count < 0:
        raise OptionError(f"save_figures must be at least 0, not {count}")
    if not count:
        return None
    if type(plan.task).draw is not Task.draw:
        return plan.task.draw
    see = _seen_by(entries, plan)
    if see is None:
        if any(_draws(metric) for _, metric, _ in plan.metrics):
            return None
        raise OptionError(
            f"predictions of task {plan.task.name} cannot be drawn, and no plugin draws what {plan.model.info.name} sees",
            "leave `save_figures` out",
        )
    return lambda sample, columns: see(plan.task.prepare(sample).input)


def save_figures(plan: Plan, draw: "Draw | None", count: int) -> list[tuple[str, str]]:
    """Draw the first `count` samples that were predicted, as PNG in the run's folder: (path, SHA-256) of each.

    A figure that cannot be drawn costs a warning, not the run.
    """
    saved: list[tuple[str, str]] = []
    if draw is None:
        return saved
    for position, columns in islice(_predictions(plan), count):
        sample_id = plan.dataset.ids[position]
        name = f"{position:05d}-{_file_name(sample_id)}"
        saved += _saved(plan, name, sample_id, lambda: draw(plan.dataset[position], columns))  # noqa: B023 - called at once
    return saved


def save_score_figures(plan: Plan, results: Sequence[Result], count: int) -> list[tuple[str, str]]:
    """What metrics draw of their scores, where any figure is wanted, as PNG in the run's folder: (path, SHA-256) of each."""
    saved: list[tuple[str, str]] = []
    for (text, metric, _), result in zip(plan.metrics, results, strict=True):
        if count and _draws(metric) and result.detail is not None:
            name = bare_metric(text).replace("/", "-")
            saved += _saved(plan, name, text, lambda: metric.draw(result.detail))  # noqa: B023 - called at once
    return saved


def _saved(plan: Plan, name: str, what: str, draw: "Callable[[], Image | None]") -> list[tuple[str, str]]:
    """Path and SHA-256 of one figure; none, and a warning, where it cannot be drawn."""
    path = f"figures/{name}.png"
    try:
        picture = draw()
        if picture is None:
            raise ValueError("nothing was drawn")
        with writing(plan.folder / path) as temporary:
            picture.save(temporary, format="PNG")
        return [(path, hashlib.sha256((plan.folder / path).read_bytes()).hexdigest())]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and is_pressed(error):
            raise
        warnings.warn(f"there is no figure of {what}: drawing it {raised(error)}", stacklevel=3)
        return []


def _draws(metric: Metric) -> bool:
    return type(metric).draw is not Metric.draw


def _seen_by(entries: Registry, plan: Plan) -> "Callable[[Any], Image] | None":
    """What the first plugin that knows the model draws of an input. A plugin that fails costs a warning."""
    implementations = entries.drawers().hook.zoo_drawer.get_hookimpls()
    if not implementations:
        return None
    with no_exit(plan.model.info.name):
        model = plan.model.load()
    for implementation in implementations:
        try:
            found: Any = implementation.function(**dict.fromkeys(implementation.argnames, model))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and is_pressed(error):
                raise
            warnings.warn(f"{entries.index.title(str(implementation.plugin_name))}: its zoo_drawer {raised(error)}", stacklevel=2)
            continue
        if found is not None:
            return found  # type: ignore[no-any-return]
    return None


def _file_name(sample_id: str) -> str:
    """The id as a part of a file's name, without the suffix of the picture that the sample came from."""
    stem = re.sub(r"\.(bmp|gif|jpe?g|pgm|png|ppm|tiff?|webp)$", "", sample_id, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem)[-80:]


def _predictions(plan: Plan) -> "Iterator[tuple[int, Columns]]":
    """Position and decoded columns of every predicted sample, a row at a time."""
    for shard in plan.shards():
        stored = read_shard(shard, plan.key, plan.ids(shard), plan.task.schema)
        if stored is None:
            continue
        table = stored.table
        kept = [position for position in shard.positions if plan.dataset.ids[position] not in stored.skipped]
        for row, position in enumerate(kept):
            yield position, plan.task.decode(table.slice(row, 1))
