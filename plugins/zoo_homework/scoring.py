"""From an array of predictions to a grade, by the same metrics, folds and pass mark as `zoo run`."""

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.metrics import Metric, parse_metric
from zoo.runs import Result
from zoo.specs import MetricSpec
from zoo.tasks import Rows
from zoo_homework.course import Homework
from zoo_homework.statuses import Status, SubmissionError

Array = np.ndarray[Any, Any]
DTYPES = {b"L": np.int64, b"F": np.float32, b"D": np.float64}
WORDS = {*Status} - {
    Status.GRADED, Status.MISSING, Status.NOT_A_FILE, Status.UNSAFE_ARCHIVE, Status.TOO_LARGE, Status.NOT_ACCEPTED,
    Status.TOO_MANY, Status.CODE_REFUSED, Status.NOT_ISOLATED, Status.TIMEOUT, Status.TOO_MUCH_OUTPUT, Status.INTERNAL,
}  # fmt: skip
"""What a worker may say; the rest is the grader's to say."""
LONGEST = 1 << 16
"""Bytes of a worker's message that are read."""
OF_LABELS = ("accuracy", "f1", "precision", "recall", "confusion")
"""Metrics that need no more than the predicted class."""

OURS = re.compile(r"(?<![\w./])/(?!(?:submission|inputs|tmp|out)\b)[^\s/'\":,;()]+(?:/[^\s/'\":,;()]+)*/([^\s/'\":,;()]+)")
"""An absolute path that is not one of those by which a submission knows its own files."""


@dataclass(frozen=True)
class Grade:
    """What a graded submission scored; the first of `results` is the primary metric."""

    results: tuple[Result, ...]
    passed: bool

    @property
    def primary(self) -> Result:
        return self.results[0]


def stopped(error: SubmissionError) -> bytes:
    """What the grader itself says of a submission, to be kept in the place of what a worker writes."""
    return b"S" + json.dumps({"status": error.status, "message": printable(error.message)}).encode()


def predictions_of(content: bytes, homework: Homework, who: str = "") -> Array:
    """The array that a worker wrote (see `worker.py`), or the SubmissionError that it met. Nothing in it is trusted.

    `who` says it, where that is a stranger's program: its words are not to be taken for the grader's.
    """
    letter, body = content[:1], content[1:]
    if letter in (b"E", b"S"):
        raise _refused(body, WORDS if letter == b"E" else tuple(Status), who if letter == b"E" else "")
    n, c = len(homework.ids), len(homework.classes)
    shape = (n,) if letter == b"L" else (n, c)
    if letter not in DTYPES or len(body) != int(np.prod(shape)) * np.dtype(DTYPES[letter]).itemsize:
        raise SubmissionError(Status.BAD_FORMAT, f"its predictions are not for the {n} samples and {c} classes of the homework")
    array = np.frombuffer(body, DTYPES[letter]).reshape(shape)
    if letter == b"L" and (array.min() < 0 or array.max() >= c):
        raise SubmissionError(Status.BAD_FORMAT, f"its labels are not all from 0 to {c - 1}")
    if not np.isfinite(array).all():
        raise SubmissionError(Status.NOT_FINITE, "its predictions hold NaN or infinity")
    return array


def grade_predictions(predictions: Array, homework: Homework) -> Grade:
    """Score predictions: logits [n, C] by every metric of the benchmark, labels [n] by those that need no more.

    Raises SubmissionError where the metric of the pass mark needs more than labels.
    """
    metric, bound = homework.mark
    if predictions.ndim == 1 and not _of_labels(metric):
        raise SubmissionError(Status.BAD_FORMAT, f"{metric} needs a probability for every class, not labels")
    results = score_predictions(predictions, homework.ids, homework.targets, homework.classes, homework.metrics)
    results = tuple(sorted(results, key=lambda result: result.metric != metric))
    value = results[0].value
    return Grade(results, passed=value is not None and value > bound)


def score_predictions(
    predictions: Array,
    ids: Sequence[str],
    targets: Array,
    classes: tuple[str, ...],
    metrics: Sequence[tuple[str, Metric, MetricSpec]],
) -> tuple[Result, ...]:
    """The scores of logits [n, C] by every metric, of labels [n] by those that need no more; the folds are those of a run."""
    labels_only = predictions.ndim == 1
    logits = np.eye(len(classes), dtype=np.float32)[predictions] if labels_only else predictions
    rows = Rows(ids, {"logits": logits, "target": targets}, classes)
    results = []
    for text, fold, spec in metrics:
        if not labels_only or _of_labels(text):
            score = fold.compute(fold.update(rows), classes)
            results.append(Result(metric=text, direction=spec.direction, unit=spec.unit, **vars(score)))
    return tuple(results)


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


def _of_labels(metric: str) -> bool:
    name, options = parse_metric(metric)
    return name.rpartition("/")[2] in OF_LABELS and options.get("k", "1") == "1"


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
    if not grade_predictions(np.eye(len(homework.classes))[homework.targets] * 100, homework).passed:
        metric, bound = homework.mark
        there = ", ".join(homework.classes[number] for number in np.unique(homework.targets))
        raise DataError(
            f"no submission can pass on this test set: with the right answers, too, {metric} is not above {bound:g}",
            f"its {len(homework.ids):,} samples are all of: {there}; add the other classes",
        )


def baseline(homework: Homework) -> tuple[str, Grade]:
    """What somebody scores who answers with one class throughout: the best such class, for comparison."""
    constants: Sequence[Array] = [np.full(len(homework.ids), k, dtype=np.int64) for k in range(len(homework.classes))]
    counts = np.bincount(homework.targets, minlength=len(homework.classes))
    most = int(counts.argmax())
    return homework.classes[most], grade_predictions(constants[most], homework)
