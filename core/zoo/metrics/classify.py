"""Metrics of task classify, folded from `logits` float [n, outputs] and `target` int [n].

The first C outputs are of the dataset's classes. What follows are others of the model's classes: they compete, and one of them
is a wrong answer. A score for each class, and an average of such, is of the dataset's classes alone.

One rule for ties, everywhere: equal logits are never resolved in the target's favour. The predicted class is the one with
the largest logit; if others share it with the true class, it is the first of those others. So a model that says
the same of every class scores nothing, whichever class comes first, and accuracy, micro F1 and the confusion matrix agree.
Without ties it is the arg max.
"""

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from zoo.errors import DataError, OptionError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import (
    NO_SAMPLES,
    Interval,
    bootstrap,
    no_interval,
    reflected,
    scored,
    student_mean,
    wilson,
    wilson_f1,
)
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class Accuracy(Metric):
    """Share of samples whose true class is among the k largest logits: fewer than k other classes reach its own.

    Interval: Wilson. Parity: sklearn `accuracy_score` and `top_k_accuracy_score`, torchmetrics `MulticlassAccuracy` (micro).
    """

    k: Annotated[int, Field(ge=1, description="How many of the largest logits count.")] = 1

    def check(self, classes: tuple[str, ...]) -> None:
        if self.k > len(classes):
            raise OptionError(f"accuracy:k={self.k} needs {self.k} classes, and there are {len(classes)}", "take a smaller k")

    def update(self, rows: Rows) -> State:
        logits, target = columns(rows)
        own = np.take_along_axis(logits, target[:, None], axis=1)
        others = (logits >= own).sum(axis=1) - 1
        return {"hits": np.array([(others < self.k).sum()]), "n": np.array([len(target)])}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        self.check(classes)
        hits, n = int(state["hits"][0]), int(state["n"][0])
        return scored(hits / n, n, wilson(hits, n)) if n else NO_SAMPLES


class Confusion(Metric):
    """Number of samples of each true class (row) predicted as each class (column). No single value, so no interval.

    A last column, "other", counts predictions of classes that the dataset lacks, where the model has such.
    Parity: sklearn `confusion_matrix`, torchmetrics `MulticlassConfusionMatrix`.
    """

    def update(self, rows: Rows) -> State:
        """`matrix` int64 [C, C], or [C, C + 1] with a last column for all outputs of other classes."""
        logits, target = columns(rows)
        c = len(rows.classes)
        width = min(logits.shape[1], c + 1)
        said = np.minimum(predicted_classes(logits, target), c)
        return {"matrix": np.bincount(target * width + said, minlength=c * width).reshape(c, width)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        matrix = state["matrix"]
        n, detail = int(matrix.sum()), {"classes": list(classes), "matrix": matrix.tolist()}
        if matrix.shape[1] > matrix.shape[0]:
            detail["columns"] = [*classes, "other"]
        return Score(None, n, interval="none: a matrix of counts", detail=detail)


class _PerClass(Confusion):
    """A ratio of counts for each class, averaged over classes or taken of one class; folds the confusion matrix.

    0 / 0 is 0. `macro` leaves out classes that are neither true nor predicted for any sample, as sklearn (`labels=None`) and
    torchmetrics do; `weighted` weights a class by its samples; `micro` counts over all classes, which makes it the accuracy.
    Interval: of one class and of `micro`, which are proportions, Wilson; else a bootstrap of the matrix's cells,
    which is the bootstrap over samples, since the score knows no more of a sample than its cell.
    """

    average: Annotated[Literal["macro", "micro", "weighted"] | None, Field(description="How classes are averaged.")] = None
    positive: Annotated[str | None, Field(description="The class that is scored, by name, instead of an average.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.average is None) == (self.positive is None):
            raise ValueError("give either average or positive, for example average=macro")
        return self

    def check(self, classes: tuple[str, ...]) -> None:
        if self.positive is not None and self.positive not in classes:
            named = classes if len(classes) <= 10 else get_close_matches(self.positive, classes, 5) or classes[:10]
            more = f", … ({len(classes)} in all)" if len(named) < len(classes) else ""
            raise OptionError(f"positive={self.positive}: no class has that name", f"classes: {', '.join(named)}{more}")

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        self.check(classes)
        matrix = state["matrix"]
        n = int(matrix.sum())
        if not n:
            return NO_SAMPLES
        tp, predicted, actual = np.diagonal(matrix), matrix.sum(axis=0)[: len(matrix)], matrix.sum(axis=1)
        if self.average == "micro":
            return scored(tp.sum() / n, n, wilson(int(tp.sum()), n))
        if self.positive is not None:
            one = classes.index(self.positive)
            value = self.per_class(tp, predicted, actual)[one]
            return scored(value, n, self.of_one(int(tp[one]), int(predicted[one]), int(actual[one])))
        value = float(self._averaged(tp, predicted, actual))
        return scored(value, n, reflected(value, self._replicates(matrix)))

    def per_class(self, tp: Array, predicted: Array, actual: Array) -> Array:
        """The ratio of every class, [..., C], from its true positives and how often it is predicted and true."""
        raise NotImplementedError

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        """The interval of one class's ratio."""
        raise NotImplementedError

    def _averaged(self, tp: Array, predicted: Array, actual: Array) -> Array:
        ratio = self.per_class(tp, predicted, actual)
        if self.average == "weighted":
            return np.asarray((ratio * actual).sum(axis=-1) / actual.sum(axis=-1))
        return np.asarray(ratio.sum(axis=-1) / ((predicted + actual) > 0).sum(axis=-1))

    def _replicates(self, matrix: Array) -> Array:
        true, said = np.nonzero(matrix)
        return bootstrap(
            matrix[true, said],
            lambda counts: self._averaged(*(part[:, : len(matrix)] for part in margins(counts, true, said, matrix.shape[1]))),
        )


class Precision(_PerClass):
    """Share of the samples predicted as a class that are of it. Parity: sklearn `precision_score`, torchmetrics."""

    def per_class(self, tp: Array, predicted: Array, actual: Array) -> Array:
        return _ratio(tp, predicted)

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        return wilson(tp, predicted) if predicted else no_interval(f"nothing is predicted as {self.positive}")


class Recall(_PerClass):
    """Share of a class's samples that are predicted as it. Parity: sklearn `recall_score`, torchmetrics."""

    def per_class(self, tp: Array, predicted: Array, actual: Array) -> Array:
        return _ratio(tp, actual)

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        return wilson(tp, actual) if actual else no_interval(f"no sample is of class {self.positive}")


class F1(_PerClass):
    """Harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn). Parity: sklearn `f1_score`, torchmetrics."""

    def per_class(self, tp: Array, predicted: Array, actual: Array) -> Array:
        return _ratio(2 * tp, predicted + actual)

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        trials = predicted + actual - tp
        return wilson_f1(tp, trials) if trials else no_interval(f"{self.positive} is neither true nor predicted anywhere")


class Nll(Metric):
    """Mean negative log-likelihood of the true class, in nats: -log softmax(logits)[target], in float64.

    Samples' values are gathered, not summed, so the score is the same to the last bit however they were cut or ordered.
    Interval: Student's t. Parity: sklearn `log_loss`, `torch.nn.functional.cross_entropy`.
    """

    gathers: ClassVar[bool] = True

    def update(self, rows: Rows) -> State:
        """`nll` float64 [n]."""
        logits, target = columns(rows)
        shifted, total = shifted_exp_sum(logits)
        return {"nll": np.log(total) - np.take_along_axis(shifted, target[:, None], axis=1)[:, 0]}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        values = np.sort(state["nll"])
        if not len(values):
            return NO_SAMPLES
        low, high, method = student_mean(values)
        return scored(values.mean(), len(values), Interval(None if low is None else max(0.0, low), high, method))


class Ece(Metric):
    """Expected calibration error: how far confidence (the largest softmax probability) is from accuracy, over bins.

    Bins are [i/bins, (i+1)/bins), and a confidence that is 1 in float32 has one of its own, both as in the reference. With g
    the gap |accuracy - confidence| of a bin and w its share of samples: l1 = Σ w g, l2 = √Σ w g², max = max g.
    Interval: basic bootstrap over samples, which takes out what it can of the plug-in value's upward bias in small samples
    (Kumar et al. 2019). For its replicates, not for the value, samples of a bin that are right or wrong alike and equally
    confident to 1/200 are one kind with their mean gap, which bounds the time and leaves out only the spread within.
    Source: Guo et al. 2017, eq. 3. Parity: torchmetrics `MulticlassCalibrationError`.
    """

    gathers: ClassVar[bool] = True
    bins: Annotated[int, Field(ge=1, le=10_000, description="Number of equal-width bins of confidence.")] = 15
    norm: Annotated[Literal["l1", "l2", "max"], Field(description="Mean, root mean square or largest gap.")] = "l1"

    def update(self, rows: Rows) -> State:
        """`confidence` float32 [n] in (0, 1], `correct` bool [n]."""
        logits, target = columns(rows)
        _, total = shifted_exp_sum(logits)
        return {"confidence": (1 / total).astype(np.float32), "correct": predicted_classes(logits, target) == target}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        if not len(state["confidence"]):
            return NO_SAMPLES
        # Sorted, so that the order of samples cannot touch a bit of the score.
        order = np.lexsort((state["correct"], state["confidence"]))
        confidence, correct = state["confidence"][order], state["correct"][order]
        edges = (np.arange(self.bins + 1) / self.bins).astype(np.float32)
        in_bin = np.searchsorted(edges, confidence, side="right") - 1
        kind = (in_bin * 201 + (confidence * 200).astype(np.int64)) * 2 + correct
        kinds, kind, counts = np.unique(kind, return_inverse=True, return_counts=True)
        gaps = np.bincount(kind, correct - confidence.astype(np.float64)) / counts
        starts = np.unique(kinds // 402, return_index=True)[1]
        value = float(self._error(counts[None], gaps, starts)[0])
        return scored(value, len(order), reflected(value, bootstrap(counts, lambda drawn: self._error(drawn, gaps, starts))))

    def _error(self, counts: Array, gaps: Array, starts: Array) -> Array:
        """The error [b] of replicates that hold kind i `counts[:, i]` times, each a gap; a bin is a run from a start on."""
        n = counts.sum(axis=1)
        size = np.add.reduceat(counts, starts, axis=1)
        gap = np.abs(np.add.reduceat(counts * gaps, starts, axis=1))  # of a bin's sum, not its mean
        if self.norm == "l1":
            return np.asarray(gap.sum(axis=1) / n)
        if self.norm == "l2":
            return np.asarray(np.sqrt(_ratio(gap**2, size).sum(axis=1) / n))
        return np.asarray(_ratio(gap, size).max(axis=1))


def columns(rows: Rows) -> tuple[Array, Array]:
    """`logits` [n, outputs] and `target` int64 [n] of some rows. Raises DataError naming a sample whose target is no class."""
    logits, target, classes = rows.columns["logits"], rows.columns["target"].astype(np.int64), len(rows.classes)
    outside = np.flatnonzero((target < 0) | (target >= classes))
    if len(outside):
        first = outside[0]
        raise DataError(f"the target of sample {rows.ids[first]} is {target[first]}, not one of the {classes} classes")
    return logits, target


def predicted_classes(logits: Array, target: Array) -> Array:
    """The class of the largest logit, int64 [n]; where the true class ties, the first other class that has it."""
    predicted = np.asarray(logits.argmax(axis=1))
    largest = logits == logits.max(axis=1, keepdims=True)
    tied = np.flatnonzero(largest.sum(axis=1) > 1)
    largest[tied, target[tied]] = False
    predicted[tied] = largest[tied].argmax(axis=1)
    return predicted


def shifted_exp_sum(logits: Array) -> tuple[Array, Array]:
    """Logits less their row's largest, float64 [n, C], and the sum of their exponentials, [n], which is at least 1."""
    # Contiguous, so that a row's sum does not depend on how many rows there are.
    shifted = np.ascontiguousarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    return shifted, np.exp(shifted).sum(axis=1)


def margins(counts: Array, true: Array, said: Array, classes: int) -> tuple[Array, Array, Array]:
    """True positives, times predicted and times true of every class, each int64 [b, C], of confusion matrices.

    `counts` int64 [b, m] are their cells at rows `true` and columns `said`, int [m], sorted by row.
    """

    def summed(values: Array, labels: Array) -> Array:
        sums = np.zeros((len(values), classes), dtype=np.int64)
        present, starts = np.unique(labels, return_index=True)
        sums[:, present] = np.add.reduceat(values, starts, axis=1)
        return sums

    by_column = np.argsort(said, kind="stable")
    tp = np.zeros((len(counts), classes), dtype=np.int64)
    tp[:, true[true == said]] = counts[:, true == said]
    return tp, summed(counts[:, by_column], said[by_column]), summed(counts, true)


def _ratio(top: Array, bottom: Array) -> Array:
    """top / bottom, and 0 where bottom is 0."""
    return np.asarray(np.divide(top, bottom, out=np.zeros(np.shape(bottom)), where=bottom > 0))
