"""From an array of predictions to a grade, by the same metrics, folds and pass mark as `zoo run`."""

import json
import math
import re
import warnings
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import DataError, ZooError
from zoo.metrics import Metric
from zoo.passmark import PassMark
from zoo.runs import Result, groups_of, score_rows
from zoo.specs import MetricSpec
from zoo.tasks import Batch, DataInfo, ModelInfo, Rows, task_of
from zoo_homework.homework import Homework
from zoo_homework.packing import unpack
from zoo_homework.statuses import Status, SubmissionError

Array = np.ndarray[Any, Any]
DTYPES = {b"L": np.int64, b"F": np.float32, b"D": np.float64}
WORDS = {*Status} - {
    Status.GRADED, Status.MISSING, Status.NOT_A_FILE, Status.UNSAFE_ARCHIVE, Status.TOO_LARGE, Status.NOT_ACCEPTED,
    Status.TOO_MANY, Status.CODE_REFUSED, Status.NOT_ISOLATED, Status.TIMEOUT, Status.TOO_MUCH_OUTPUT, Status.INTERNAL,
}  # fmt: skip
"""What a worker may say; the rest is the grader's to say."""
PIECE = 32
"""Samples that are decoded at a time to be scored."""
LONGEST = 1 << 16
"""Bytes of a worker's message that are read."""
OURS = re.compile(r"(?<![\w./])/(?!(?:submission|inputs|tmp|out)\b)[^\s/'\":,;()]+(?:/[^\s/'\":,;()]+)*/([^\s/'\":,;()]+)")
"""An absolute path that is not one of those by which a submission knows its own files."""


@dataclass(frozen=True)
class Grade:
    """What a graded submission scored; the first of `results` is the primary metric."""

    results: tuple[Result, ...]
    passed: bool
    lower: bool = False
    """Whether lower scores are the better ones, as the pass mark says."""

    @property
    def primary(self) -> Result:
        return self.results[0]

    @property
    def rank(self) -> tuple[bool, float]:
        """Larger for a better grade."""
        value = self.primary.value
        if value is None:
            return self.passed, -math.inf
        return self.passed, -value if self.lower else value


def stopped(error: SubmissionError) -> bytes:
    """What the grader itself says of a submission, to be kept in the place of what a worker writes."""
    return b"S" + json.dumps({"status": error.status, "message": printable(error.message)}).encode()


def predictions_of(content: bytes, homework: Homework, order: Sequence[int], who: str = "") -> Any:
    """What a worker wrote (see `worker.main`), or the SubmissionError that it met. Nothing in it is trusted.

    `order` is that in which the worker had the samples; what is returned is in their own: an array, or of other tasks than
    classify what their `encode` takes.
    `who` says it, where that is a stranger's program: its words are not to be taken for the grader's.
    """
    letter, body = content[:1], content[1:]
    if letter in (b"E", b"S"):
        raise _refused(body, WORDS if letter == b"E" else tuple(Status), who if letter == b"E" else "")
    back = np.argsort(order)
    if homework.task != "classify":
        return _predictions_of_task(letter, body, homework, order, back)
    n, c = len(homework.ids), len(homework.classes)
    shape = (n,) if letter == b"L" else (n, c)
    if letter not in DTYPES or len(body) != int(np.prod(shape)) * np.dtype(DTYPES[letter]).itemsize:
        raise SubmissionError(Status.BAD_FORMAT, f"its predictions are not for the {n} samples and {c} classes of the homework")
    array = np.frombuffer(body, DTYPES[letter]).reshape(shape)
    if letter == b"L" and (array.min() < 0 or array.max() >= c):
        raise SubmissionError(Status.BAD_FORMAT, f"its labels are not all from 0 to {c - 1}")
    if not np.isfinite(array).all():
        raise SubmissionError(Status.NOT_FINITE, "its predictions hold NaN or infinity")
    return array[back]


def _predictions_of_task(letter: bytes, body: bytes, homework: Homework, order: Sequence[int], back: Array) -> Any:
    if letter != b"T":
        raise SubmissionError(Status.BAD_FORMAT, f"its predictions are not of task {homework.task}")
    sizes = [homework.sizes[row] for row in order] if homework.sizes else []
    labels = 256 if homework.benchmark.protocol.get("kind") == "edges" else len(homework.classes)
    found = unpack(homework.task, body, [homework.ids[row] for row in order], sizes, labels)
    return [found[place] for place in back] if isinstance(found, list) else found[back]


def grade_predictions(predictions: Any, homework: Homework) -> Grade:
    """Score predictions: logits [n, C] by every metric of the benchmark, labels [n] by those that need no more; of other tasks
    what their `encode` takes.

    Raises SubmissionError where the metric of the pass mark needs more than labels.
    """
    mark = homework.mark
    if homework.task != "classify":
        return _graded(score_task(predictions, homework), mark)
    if predictions.ndim == 1 and not homework.of_labels:
        raise SubmissionError(Status.BAD_FORMAT, f"{mark.metric} needs a probability for every class, not labels")
    groups = None if homework.inputs is None else groups_of(homework.inputs)
    results = score_predictions(predictions, homework.ids, homework.targets, homework.classes, homework.metrics, groups)
    return _graded(results, mark)


def _graded(results: Sequence[Result], mark: PassMark) -> Grade:
    first = tuple(sorted(results, key=lambda result: result.metric != mark.metric))
    return Grade(first, passed=mark.is_met(first[0].value), lower=mark.direction == "lower")


def score_task(predictions: Any, homework: Homework) -> tuple[Result, ...]:
    """The scores of a task's predictions by every metric: encoded beside the true targets and read back, as in a run."""
    import pyarrow as pa

    dataset, benchmark = homework.inputs, homework.benchmark
    assert dataset is not None
    data = DataInfo(homework.dataset.name, benchmark.split, benchmark.modality, homework.classes or None)
    task = task_of(benchmark)(ModelInfo("the submission", None, "dataset"), data, benchmark.protocol)
    tables = []
    for start in range(0, len(homework.ids), PIECE):
        samples = [task.prepare(dataset[row]) for row in range(start, min(start + PIECE, len(homework.ids)))]
        ids, targets = [sample.id for sample in samples], [sample.target for sample in samples]
        batch = Batch(ids, task.collate(samples), targets, [0] * len(ids))
        tables.append(pa.table(task.encode(predictions[start : start + PIECE], batch), schema=task.schema))
    columns = task.decode(pa.concat_tables(tables))
    rows = Rows(homework.ids, columns, homework.classes, range(len(homework.ids)), dataset)
    return score_rows(rows, homework.metrics, groups_of(dataset))


def score_predictions(
    predictions: Array,
    ids: Sequence[str],
    targets: Array,
    classes: tuple[str, ...],
    metrics: Sequence[tuple[str, Metric, MetricSpec]],
    groups: Sequence[Any] | None,
) -> tuple[Result, ...]:
    """The scores of logits [n, C] by every metric, of labels [n] by those that need no more; the folds are those of a run.

    Samples of equal `groups` stand or fall together, which intervals allow for; None where that is not known.
    """
    labels_only = predictions.ndim == 1
    logits = np.eye(len(classes), dtype=np.float32)[predictions] if labels_only else predictions
    rows = Rows(ids, {"logits": logits, "target": targets}, classes)
    return score_rows(rows, [each for each in metrics if not labels_only or each[1].of_labels], groups)


def tied(predictions: Array) -> int:
    """How many samples have no single highest class. Ties never count for the model."""
    if predictions.ndim == 1:
        return 0
    return int(((predictions == predictions.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


def predicted_labels(predictions: Array, targets: Array) -> Array:
    """The class that counts as predicted, int64 [n]; ties are settled as the metrics settle them."""
    if predictions.ndim == 1:
        return predictions
    from zoo.metrics import predicted_classes

    return predicted_classes(predictions, targets)


def _refused(body: bytes, known: Collection[Status], who: str) -> SubmissionError:
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        told = json.loads(body[:LONGEST])
        status, message = Status(told["status"]), printable(str(told["message"]))
        if status in known:
            return SubmissionError(status, f"{who} ended with: {message}" if who else message)
    return SubmissionError(Status.CRASHED, "it left no predictions that can be read")


def printable(text: str, most: int = 300) -> str:
    """One line of a stranger's text: control characters become spaces, and it is cut. Of this machine's paths the last part
    is left: students read it."""
    line = OURS.sub(r"\1", " ".join("".join(c if c.isprintable() else " " for c in text).split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def check_passable(homework: Homework) -> None:
    """Raise DataError where not even the right answers pass, as on a test set without a sample of the class that is scored."""
    if homework.task != "classify":
        return
    if not grade_predictions(np.eye(len(homework.classes))[homework.targets] * 100, homework).passed:
        mark = homework.mark
        there = ", ".join(homework.classes[number] for number in np.unique(homework.targets))
        raise DataError(
            f"no submission can pass on this test set: with the right answers, too, {mark.metric} is not {mark.words}",
            f"its {len(homework.ids):,} samples are all of: {there}; add the other classes",
        )


def baseline(homework: Homework) -> tuple[str, Grade] | None:
    """What somebody scores who answers with one class throughout: the best such class, for comparison.

    None where that says nothing: of other tasks than classify, and where the metric needs a probability for every class.
    """
    if homework.task != "classify" or not homework.of_labels:
        return None
    constants: Sequence[Array] = [np.full(len(homework.ids), k, dtype=np.int64) for k in range(len(homework.classes))]
    counts = np.bincount(homework.targets, minlength=len(homework.classes))
    most = int(counts.argmax())
    try:
        return homework.classes[most], grade_predictions(constants[most], homework)
    except ZooError as error:
        warnings.warn(f"what one class throughout scores is not known: {error.message}", stacklevel=2)
        return None
