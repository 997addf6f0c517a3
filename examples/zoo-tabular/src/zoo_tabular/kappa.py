"""Cohen's kappa."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from zoo.metrics import NO_SAMPLES, Interval, Metric, Score, State, jackknife, no_interval, predicted_classes, scored
from zoo.tasks import Rows

Array = np.ndarray[Any, Any]
FEWEST = 10
"""Samples with less of which a jackknife of it covers too little."""


class Kappa(Metric):
    """Agreement with the truth beyond chance: 1 - (disagreement) / (disagreement expected of independent answers).

    1 is perfect, 0 what chance gives. A disagreement counts 1; with `weights` the distance of the two classes in their order, or
    its square. An answer that is none of the dataset's classes is as far off as can be. Of one class alone it is not defined.
    Interval: a jackknife over samples, of kappa as a share, (kappa + 1) / 2.
    Source: Cohen 1960, "A coefficient of agreement for nominal scales"; Cohen 1968 for weights. Parity: sklearn
    `cohen_kappa_score`.
    """

    gathers: ClassVar[bool] = True
    weights: Annotated[
        Literal["none", "linear", "quadratic"],
        Field(description="How a disagreement counts: alike, or by the classes' distance."),
    ] = "none"

    def update(self, rows: Rows) -> State:
        """`target` and `predicted` int64 [n]; C is an answer that is none of the C classes."""
        target = rows.columns["target"].astype(np.int64)
        predicted = np.minimum(predicted_classes(rows.columns["logits"], target), len(rows.classes))
        return {"target": target, "predicted": predicted}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        target, predicted = state["target"], state["predicted"]
        n, c = len(target), len(classes)
        if not n:
            return NO_SAMPLES
        matrix = np.zeros((c, c + 1))
        np.add.at(matrix, (target, predicted), 1)
        value = float(self._kappa(matrix[None])[0])
        if np.isnan(value):
            return Score(None, n, interval="none: all samples are of one class, and so are all answers")
        cells = np.argwhere(matrix)
        without = np.repeat(matrix[None], len(cells), axis=0)
        without[np.arange(len(cells)), cells[:, 0], cells[:, 1]] -= 1
        return scored(value, n, self._interval(value, self._kappa(without), matrix[matrix > 0]))

    def resampled(self, state: State, weights: Array, classes: tuple[str, ...]) -> Array:
        c = len(classes)
        cell = state["target"] * (c + 1) + state["predicted"]
        matrices = weights @ (cell[:, None] == np.arange(c * (c + 1))).astype(np.float64)
        return np.nan_to_num(self._kappa(matrices.reshape(-1, c, c + 1)), nan=1.0)

    def outcomes(self, state: State, classes: tuple[str, ...]) -> Array:
        return np.asarray(state["target"] == state["predicted"], dtype=np.float64)

    def _kappa(self, matrices: Array) -> Array:
        """Of confusion matrices [b, C, C + 1], the truth by row; NaN where no disagreement can be expected. Float64 [b]."""
        c = matrices.shape[1]
        apart = np.abs(np.arange(c)[:, None] - np.arange(c + 1)).astype(np.float64)
        apart = {"none": (apart > 0).astype(np.float64), "linear": apart, "quadratic": apart**2}[self.weights]
        apart[:, c] = apart[:, :c].max()
        truth, said = matrices.sum(axis=2), matrices.sum(axis=1)
        found = (matrices * apart).sum(axis=(1, 2))
        expected = np.einsum("bi,bj,ij->b", truth, said, apart) / np.maximum(matrices.sum(axis=(1, 2)), 1)
        return np.asarray(1 - np.divide(found, expected, out=np.full(len(found), np.nan), where=expected > 0))

    def _interval(self, value: float, without: Array, times: Array) -> Interval:
        if times.sum() < FEWEST:
            return no_interval(f"{int(times.sum())} samples are too few")
        found = jackknife((value + 1) / 2, (without + 1) / 2, times)
        if found.low is None or found.high is None:
            return found
        return Interval(2 * found.low - 1, 2 * found.high - 1, found.method)
