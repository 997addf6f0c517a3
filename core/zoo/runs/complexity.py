"""What a run's model takes of one sample, counted once along the way and kept beside the shards."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import ZooError, reason_of
from zoo.home import writing
from zoo.opening.foreign import called
from zoo.runs.loading import Reading
from zoo.runs.precision import Precision
from zoo.runs.predicting import Predictor
from zoo.runs.record import Complexity
from zoo.seeds import seeded
from zoo.tasks.base import Batch, Task

FILE = "complexity.json"


def complexity_of(
    predictor: Predictor, samples: Reading, positions: Sequence[int], seed: int, precision: Precision, parameters: int | None
) -> Complexity:
    """Operations of one more prediction, of the sample that is in the middle by cost. Whatever the model does, none is an error.

    Of a task that is too dear to be asked again, and of a network that a precision has altered, none are counted.
    """
    task, notes = predictor.task, []
    if parameters is None:
        notes.append(f"parameters are not known: {called(predictor.model)} does not say what it holds")
    flops, sample, why = None, "", _unknowable(task, precision)
    if not why:
        loaded = samples.loaded([_middle(samples.dataset, positions)], seed)
        if loaded.batch is None:
            why = "the sample to count them of is corrupt"
        else:
            flops, why = _counted(predictor, loaded.batch)
            sample = loaded.batch.ids[0] if flops is not None else ""
    notes += [f"operations are not known: {why}"] if why else []
    return Complexity(parameters=parameters, flops=flops, sample=sample, note="; ".join(notes))


def keep_complexity(folder: Path, found: Complexity) -> None:
    """Keep it beside the shards: a run that only reads them tells it, too."""
    with writing(folder / FILE) as temporary:
        temporary.write_text(found.model_dump_json(), encoding="utf-8")


def kept_complexity(folder: Path) -> Complexity | None:
    """What was counted when the shards in a run's folder were computed."""
    with suppress(OSError, ValueError):
        return Complexity.model_validate_json((folder / FILE).read_bytes())
    return None


def _unknowable(task: Task, precision: Precision) -> str:
    if task.model.foreign:
        return f"{task.model.name} computes {'elsewhere' if task.model.remote else 'outside of torch'}"
    if precision.built is not None:
        return f"nobody counts those of a network that {precision.name} has altered"
    if type(task).ask_again is not Task.ask_again:
        return f"how many task {task.name} takes hangs on the sample; zoo profile counts those of one"
    return ""


def _middle(dataset: Dataset, positions: Sequence[int]) -> int:
    """The first of the positions, or where samples cost more or less, as texts do, the one in the middle."""
    costs = getattr(dataset, "costs", None)
    return sorted(positions, key=costs.__getitem__)[len(positions) // 2] if costs is not None else positions[0]


def _counted(predictor: Predictor, batch: Batch) -> tuple[int | None, str]:
    """Operations of a batch, or why they are not known."""
    from zoo.counting import counted_operations

    found = []

    def counted(model: Any, ready: Batch) -> Any:
        with counted_operations() as operations:
            predicted = predictor.task.predict(model, ready)
        found.append(operations)
        return predicted

    try:
        with seeded(0, "complexity"):  # whoever draws global random numbers draws afterwards what he would have drawn
            list(predictor(batch, counted))
    except ZooError as error:
        return None, f"while they were counted, it failed: {reason_of(error)}"
    return found[-1].flops, found[-1].why
