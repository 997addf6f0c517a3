"""Predictions of a task as the bytes that a worker sends, and back: flat arrays, of which the grader trusts nothing.

embed: float32 [n, d]. segment: uint8, the maps one after another, at the sizes of their targets.
detect: int32 [n], how many boxes each image has, then float32 [k, 6], x1 y1 x2 y2 score label.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import PredictionError
from zoo_homework.statuses import Status, SubmissionError

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]
Sizes = Sequence[tuple[int, ...]]
WRONG_SIZE = "its predictions are not those of the homework's samples"


def pack(task: str, parts: Sequence[Any]) -> bytes:
    """What a task's `predict` said of every batch, in order."""
    if task == "embed":
        return b"".join(part.numpy().astype(np.float32).tobytes() for part in parts)
    found = [one for part in parts for one in part]
    if task == "segment":
        return b"".join(one.numpy().tobytes() for one in found)
    counts = np.array([len(one) for one in found], dtype=np.int32)
    rows = [np.column_stack([one.boxes.numpy(), one.scores.numpy(), one.labels.numpy()]) for one in found]
    return counts.tobytes() + np.concatenate([np.empty((0, 6)), *rows]).astype(np.float32).tobytes()


def unpack(task: str, body: bytes, ids: Sequence[str], sizes: Sizes, labels: int) -> Any:
    """A tensor, or a list of one a sample, as the task encodes it. `sizes` are those of the targets of `segment`.

    `labels` is the number of classes; of a map of edges, of its steps. Raises SubmissionError where it cannot be that.
    """
    if task == "embed":
        return _vectors(body, len(ids))
    return _maps(body, sizes, labels) if task == "segment" else _boxes(body, ids, labels)


def _vectors(body: bytes, n: int) -> "torch.Tensor":
    import torch

    if not body or len(body) % (4 * n):
        raise SubmissionError(Status.BAD_FORMAT, WRONG_SIZE)
    vectors = np.frombuffer(body, np.float32).reshape(n, -1)
    if not np.isfinite(vectors).all():
        raise SubmissionError(Status.NOT_FINITE, "its vectors hold NaN or infinity")
    return torch.from_numpy(vectors.copy())


def _maps(body: bytes, sizes: Sizes, labels: int) -> "list[torch.Tensor]":
    import torch

    ends = np.cumsum([int(np.prod(size)) for size in sizes])
    if len(body) != ends[-1]:
        raise SubmissionError(Status.BAD_FORMAT, WRONG_SIZE)
    flat = np.frombuffer(body, np.uint8)
    if int(flat.max()) >= labels:
        raise SubmissionError(Status.BAD_FORMAT, f"its labels are not all from 0 to {labels - 1}")
    return [torch.from_numpy(part.reshape(size).copy()) for part, size in zip(np.split(flat, ends[:-1]), sizes, strict=True)]


def _boxes(body: bytes, ids: Sequence[str], labels: int) -> list[Any]:
    import torch

    from zoo.tasks import Boxes, verify_boxes

    counts = np.frombuffer(body[: 4 * len(ids)], np.int32) if len(body) >= 4 * len(ids) else np.array([-1])
    if counts.min() < 0 or len(body) != 4 * len(ids) + 24 * int(counts.sum(dtype=np.int64)):
        raise SubmissionError(Status.BAD_FORMAT, WRONG_SIZE)
    rows = np.frombuffer(body[4 * len(ids) :], np.float32).reshape(-1, 6)
    if not np.isfinite(rows).all():
        raise SubmissionError(Status.NOT_FINITE, "its boxes hold NaN or infinity")
    found = [torch.from_numpy(part.copy()) for part in np.split(rows, np.cumsum(counts[:-1]))]
    try:
        return [
            verify_boxes(Boxes(one[:, :4], one[:, 5].long(), one[:, 4]), id_, labels, "the submission")
            for one, id_ in zip(found, ids, strict=True)
        ]
    except PredictionError as error:
        raise SubmissionError(Status.BAD_FORMAT, error.message) from error
