"""Metrics of task classify, folded from `logits` float [n, outputs] and `target` int [n].

The first C outputs are of the dataset's classes. What follows are others of the model's classes: they compete, and one of them
is a wrong answer. A score for each class, and an average of such, is of the dataset's classes alone.

One rule for ties, everywhere: equal logits are never resolved in the target's favour. The predicted class is the one with
the largest logit; if others share it with the true class, it is the first of those others. So a model that says
the same of every class scores nothing, whichever class comes first, and accuracy, micro F1 and the confusion matrix agree.
Without ties it is the arg max. The references take the first of equal classes, right or wrong, by which a model of
all-zero logits has the share of the first class; where samples tie, the score's note says how many.
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
    jackknife,
    no_interval,
    scored,
    wilson,
    wilson_f1,
)
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]

FEWEST_OF_CLASS = 3
"""Samples a class, in the mean, that an average over classes must have for an interval."""


class Accuracy(Metric):
    """Share of samples whose true class is among the k largest logits: fewer than k other classes reach its own.

    Interval: Wilson. Parity: sklearn `accuracy_score` and `top_k_accuracy_score`, torchmetrics `MulticlassAccuracy` (micro).
    """

    proportion: ClassVar[bool] = True
    k: Annotated[int, Field(ge=1, description="How many of the largest logits count.")] = 1

    @property
    def of_labels(self) -> bool:
        return self.k == 1

    def check(self, classes: tuple[str, ...]) -> None:
        if self.k > len(classes):
            raise OptionError(f"accuracy:k={self.k} needs {self.k} classes, and there are {len(classes)}", "take a smaller k")

    def update(self, rows: Rows) -> State:
        logits, target = columns(rows)
        own = np.take_along_axis(logits, target[:, None], axis=1)
        others, above = (logits >= own).sum(axis=1) - 1, (logits > own).sum(axis=1)
        tied = (above < self.k) & (others >= self.k)
        return {"hits": np.array([(others < self.k).sum()]), "n": np.array([len(target)]), "tied": np.array([tied.sum()])}

    def per_sample(self, rows: Rows) -> State:
        logits, target = columns(rows)
        own = np.take_along_axis(logits, target[:, None], axis=1)
        return {"value": ((logits >= own).sum(axis=1) <= self.k).astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        self.check(classes)
        hits, n = int(state["hits"][0]), int(state["n"][0])
        return scored(hits / n, n, wilson(hits, n), _of_ties(state)) if n else NO_SAMPLES


class Abstentions(Metric):
    """Share of samples to which no class is given, since no single logit is the largest.

    So abstains a classifier that says nothing rather than something doubtful. Each counts as a mistake elsewhere.
    Interval: Wilson.
    """

    proportion: ClassVar[bool] = True

    def update(self, rows: Rows) -> State:
        logits, target = columns(rows)
        return {"hits": np.array([_abstained(logits).sum()]), "n": np.array([len(target)])}

    def per_sample(self, rows: Rows) -> State:
        return {"value": _abstained(columns(rows)[0]).astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        hits, n = int(state["hits"][0]), int(state["n"][0])
        return scored(hits / n, n, wilson(hits, n)) if n else NO_SAMPLES


class Confusion(Metric):
    """Number of samples of each true class (row) predicted as each class (column). No single value, so no interval.

    A last column, "other", counts predictions of classes that the dataset lacks, where the model has such.
    Parity: sklearn `confusion_matrix`, torchmetrics `MulticlassConfusionMatrix`.
    """

    @property
    def of_labels(self) -> bool:
        return True

    def update(self, rows: Rows) -> State:
        """`matrix` int64 [C, C], or [C, C + 1] with a last column for all outputs of other classes.

        And `tied` int64 [1], samples whose true class shares the largest logit.
        """
        logits, target = columns(rows)
        c, predicted = len(rows.classes), predicted_classes(logits, target)
        level = np.take_along_axis(logits, np.stack([target, predicted], axis=1), axis=1)
        tied = (level[:, 0] == level[:, 1]) & (predicted != target)
        width = min(logits.shape[1], c + 1)
        cells = np.bincount(target * width + np.minimum(predicted, c), minlength=c * width)
        return {"matrix": cells.reshape(c, width), "tied": np.array([tied.sum()])}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        matrix = state["matrix"]
        n, detail = int(matrix.sum()), {"classes": list(classes), "matrix": matrix.tolist()}
        if matrix.shape[1] > matrix.shape[0]:
            detail["columns"] = [*classes, "other"]
        return Score(None, n, interval="none: a matrix of counts", detail=detail, note=_of_ties(state))


class _PerClass(Confusion):
    """A ratio of counts for each class, averaged over classes or taken of one class; folds the confusion matrix.

    0 / 0 is 0. `macro` leaves out classes that are neither true nor predicted for any sample, as sklearn (`labels=None`) and
    torchmetrics do; `weighted` weights a class by its samples; `micro` counts over all classes, which makes it the accuracy.
    Interval: of one class and of `micro`, which are proportions, Wilson; else a jackknife over samples, which leaves out one of
    each cell of the matrix. With fewer than three samples a class there is none: what such a sample shows of the average of
    all classes is too far off.
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
        note = _of_ties(state)
        if self.average == "micro":
            return scored(tp.sum() / n, n, wilson(int(tp.sum()), n), note)
        if self.positive is not None:
            one = classes.index(self.positive)
            value = _ratio(tp, self.trials(predicted, actual))[one]
            return scored(value, n, self.of_one(int(tp[one]), int(predicted[one]), int(actual[one])), note)
        present = int(((predicted + actual) > 0).sum())
        value, without = self._averages(matrix)
        if n < FEWEST_OF_CLASS * present:
            return scored(value, n, no_interval(f"{n:,} samples are too few for the average of {present:,} classes"), note)
        hidden = self._hidden_variance(tp, predicted, actual)
        return scored(value, n, jackknife(value, without, matrix[np.nonzero(matrix)], hidden=hidden), note)

    def per_sample(self, rows: Rows) -> State:
        """`target` and `predicted` int64 [n], the latter `C` where it is another class than the dataset's."""
        logits, target = columns(rows)
        return {"target": target, "predicted": np.minimum(predicted_classes(logits, target), len(rows.classes))}

    def values(self, state: State) -> Array | None:
        right: Array = (state["target"] == state["predicted"]).astype(np.float64)
        return right if self.average == "micro" else None

    def resampled(self, state: State, weights: Array, classes: tuple[str, ...]) -> Array:
        c, target, predicted = len(classes), state["target"], state["predicted"]
        hits = np.where(target == predicted, target, c)
        tp, said, true = (_summed(weights, of, c) for of in (hits, predicted, target))
        ratio = _ratio(tp, self.trials(said, true))
        if self.positive is not None:
            return np.asarray(ratio[:, classes.index(self.positive)])
        weight = self._weight(said, true)
        return _ratio((ratio * weight).sum(axis=1), weight.sum(axis=1))

    def outcomes(self, state: State, classes: tuple[str, ...]) -> Array:
        return np.asarray(state["target"] == state["predicted"], dtype=np.float64)

    def trials(self, predicted: Array, actual: Array) -> Array:
        """Of what the true positives of a class are a share, [C], from how often it is predicted and true."""
        raise NotImplementedError

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        """The interval of one class's ratio."""
        raise NotImplementedError

    def _averages(self, matrix: Array) -> tuple[float, Array]:
        """The average over classes, and what it is without one sample of each cell that has some, float64 [cells]."""
        other = (
            0,
            matrix.shape[1] - len(matrix),
        )  # what is said to be of another class is of one without weight
        tp, actual = np.pad(np.diagonal(matrix), other), np.pad(matrix.sum(axis=1), other)
        predicted = np.pad(matrix.sum(axis=0)[: len(matrix)], other)
        ratio, weight = _ratio(tp, self.trials(predicted, actual)), self._weight(predicted, actual)
        true, said = np.nonzero(matrix)
        right = true == said
        top, bottom = (ratio * weight).sum(), weight.sum()
        # Only the sample's two classes change: the true one, and the predicted one where it is another.
        for one, changes, hits, margins in (
            (true, True, tp[true] - right, (predicted[true] - right, actual[true] - 1)),
            (said, ~right, tp[said], (predicted[said] - 1, actual[said])),
        ):
            after = self._weight(*margins)
            top = top + changes * (_ratio(hits, self.trials(*margins)) * after - (ratio * weight)[one])
            bottom = bottom + changes * (after - weight[one])
        return float((ratio * weight).sum() / weight.sum()), _ratio(top, bottom)

    def _hidden_variance(self, tp: Array, predicted: Array, actual: Array) -> float:
        """What few samples of a class hide: two that are right show no variance. A success and a failure more bring it out.

        Source: Agresti & Coull 1998, "Approximate is better than exact for interval estimation of binomial proportions".
        """
        trials, weight = self.trials(predicted, actual), self._weight(predicted, actual)
        shown, likely = _ratio(tp, trials), (tp + 1) / (trials + 2)
        hidden = _ratio((likely * (1 - likely) - shown * (1 - shown)).clip(min=0), trials)
        return float((weight**2 * hidden).sum() / weight.sum() ** 2)

    def _weight(self, predicted: Array, actual: Array) -> Array:
        return np.asarray(actual if self.average == "weighted" else ((predicted + actual) > 0).astype(np.int64))


class Precision(_PerClass):
    """Share of the samples predicted as a class that are of it. Parity: sklearn `precision_score`, torchmetrics."""

    def trials(self, predicted: Array, actual: Array) -> Array:
        return predicted

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        return wilson(tp, predicted) if predicted else no_interval(f"nothing is predicted as {self.positive}")


class Recall(_PerClass):
    """Share of a class's samples that are predicted as it. Parity: sklearn `recall_score`, torchmetrics."""

    def trials(self, predicted: Array, actual: Array) -> Array:
        return actual

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        return wilson(tp, actual) if actual else no_interval(f"no sample is of class {self.positive}")


class F1(_PerClass):
    """Harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn). Parity: sklearn `f1_score`, torchmetrics."""

    def trials(self, predicted: Array, actual: Array) -> Array:
        return (predicted + actual) / 2

    def of_one(self, tp: int, predicted: int, actual: int) -> Interval:
        trials = predicted + actual - tp
        return wilson_f1(tp, trials) if trials else no_interval(f"{self.positive} is neither true nor predicted anywhere")


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


def _abstained(logits: Array) -> Array:
    """Whether no single logit is the largest, bool [n]."""
    return np.asarray((logits == logits.max(axis=1, keepdims=True, initial=-np.inf)).sum(axis=1) > 1)


def _summed(weights: Array, label: Array, classes: int) -> Array:
    """The weight of each class, [b, C], of weights [b, n] of samples with labels [n]; labels past the classes' are dropped."""
    from scipy.sparse import csr_array

    kept = np.flatnonzero(label < classes)
    chosen = csr_array((np.ones(len(kept)), (label[kept], kept)), shape=(classes, len(label)))
    return np.asarray((chosen @ weights.T).T)


def _of_ties(state: State) -> str:
    """How many samples tie; empty where none does."""
    tied = int(state["tied"][0])
    return f"{tied:,} samples have other classes as likely as the true one, and count as wrong" if tied else ""


def _ratio(top: Array, bottom: Array) -> Array:
    """top / bottom, and 0 where bottom is 0."""
    return np.asarray(np.divide(top, bottom, out=np.zeros(np.shape(bottom)), where=bottom > 0))
