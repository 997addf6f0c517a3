"""Models that students handed in, asked as their task asks every model; weights of an architecture that the registry knows.

In the jail.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo_homework.statuses import Status, SubmissionError
from zoo_homework.worker.inputs import Inputs

Array = np.ndarray[Any, Any]
BATCH, LARGE_BATCH = 64, 8
"""Samples at a time, and of those whose predictions are large."""
SUBMISSION = "the submission"


def run_weights(path: Path, inputs: Inputs) -> Array:
    """Logits float32 [n, C] of the architecture that the file's metadata names (`model`, as `zoo train` writes it)."""
    return np.concatenate([part.numpy() for part in run_model(*weights_model(path, inputs), inputs, Status.BAD_WEIGHTS)])


def weights_model(path: Path, inputs: Inputs) -> tuple[ModelInfo, Any]:
    """The architecture that the file's metadata names, with the weights of the file."""
    from zoo import registry
    from zoo.opening import Choice, named_model, read_metadata

    name = read_metadata(path).get("model")
    if not name:
        raise SubmissionError(
            Status.BAD_WEIGHTS, "the file does not say which architecture it is for: metadata 'model', as zoo train writes it"
        )
    try:
        model = named_model(registry().model(name), inputs.task, Choice(file=path))
        if model.info.modality not in (None, inputs.modality):
            raise SubmissionError(Status.BAD_WEIGHTS, f"{name} takes {model.info.modality}, the homework is {inputs.modality}")
        return model.info, model.load()
    except ZooError as error:
        raise SubmissionError(Status.BAD_WEIGHTS, error.message) from error


def run_model(info: ModelInfo, model: Any, inputs: Inputs, status: Status) -> list[Any]:
    """What the task's `predict` says of every batch, in order. What the task refuses is a SubmissionError of this status."""
    import torch

    from zoo.runs import predicted  # with pyarrow, whose threads a program that needs none of it should not have

    torch.set_num_threads(1)
    data = DataInfo("the test split", "test", inputs.modality, inputs.classes or None)
    size = BATCH if inputs.task == "classify" else LARGE_BATCH
    try:
        task = task_class(inputs.task).suited(data.modality, inputs.protocol, ())(info, data, inputs.protocol)
        parts = [part for _, part in predicted(task, model, inputs, batch_size=size)]
    except ZooError as error:
        raise SubmissionError(status, error.message) from error
    if inputs.task == "classify" and (others := parts[0].shape[1] - len(inputs.classes)):
        raise SubmissionError(status, f"{info.name} has {others} classes that the homework has not")
    return parts


def in_batches(n: int, size: int = BATCH) -> Iterator[range]:
    """Positions, a batch at a time."""
    return (range(start, min(start + size, n)) for start in range(0, n, size))
