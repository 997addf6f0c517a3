"""Metrics of task classify that read probabilities: folded from `logits` float [n, C] and `target` int [n].

Softmax makes probabilities of logits. Outputs of a run that lie in [0, 1] and sum to 1 in every row are probabilities already,
as a softmax, a forest or a vote returns them: a second softmax would make another model of them, so they are taken as they
are, and the score's note says so. Log-probabilities are logits.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.classify import columns, predicted_classes
from zoo.metrics.intervals import NO_SAMPLES, SEED, Interval, Z, no_interval, scored, skewed_mean, within
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]

CALIBRATED = 400
"""Test sets of a perfectly calibrated model that are drawn."""
PROBABILITIES = "the outputs are probabilities, not logits (every row sums to 1), and are taken as such"
PERCENT = "outputs are taken for logits, but every row sums to 100: if they are percentages, divide them by 100"
DOUBTFUL = "outputs are taken for logits, but all lie in [0, 1]: if they are probabilities, such as sigmoids, return their logits"
FEWEST_DOUBTFUL = 10
"""Rows within [0, 1] that logits hardly are by chance."""
SUM_ERROR = 2e-3
"""How far probabilities in float16 may sum from 1."""


class Nll(Metric):
    """Mean negative log-likelihood of the true class, in nats: -log softmax(logits)[target], in float64.

    Samples' values are gathered, not summed, so the score is the same to the last bit however they were cut or ordered.
    Interval: of a skewed mean, where at least five samples are surprising, their true class being less likely than all others
    together. Parity: sklearn `log_loss`, `torch.nn.functional.cross_entropy`.
    """

    gathers: ClassVar[bool] = True

    def update(self, rows: Rows) -> State:
        """`nll` float64 [n] of outputs that are logits, `stated` float64 [n] of outputs that are probabilities (see `shares`)."""
        logits, target = columns(rows)
        shifted, total = shifted_exp_sum(logits)
        with np.errstate(divide="ignore"):
            stated = -np.log(np.take_along_axis(shares(logits), target[:, None], axis=1)[:, 0])
        nll = np.log(total) - np.take_along_axis(shifted, target[:, None], axis=1)[:, 0]
        return {"nll": nll, "stated": stated, "within": within_unit(logits), "percent": percentages(logits)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        n = len(state["nll"])
        if not n:
            return NO_SAMPLES
        stated = are_probabilities(state["stated"])
        values, note = np.sort(state["stated" if stated else "nll"]), of_outputs(state)
        impossible = int(np.isinf(values).sum())
        if impossible:
            return Score(None, n, interval=f"none: {impossible:,} samples have probability 0 for their class", note=note)
        surprising = int((values > np.log(2)).sum())
        return scored(values.mean(), n, within(skewed_mean(values, surprising), 0.0), note)

    def values(self, state: State) -> Array:
        return np.asarray(state["stated" if are_probabilities(state["stated"]) else "nll"])


class Ece(Metric):
    """Expected calibration error: how far confidence (the largest softmax probability) is from accuracy, over bins.

    Bins are [i/bins, (i+1)/bins), and a confidence that is 1 in float32 has one of its own, both as in the reference. With g
    the gap |accuracy - confidence| of a bin and w its share of samples: l1 = Σ w g, l2 = √Σ w g², max = max g.
    A sample of a perfectly calibrated model scores above 0, the more the smaller it is; the note says what such a model with
    these confidences would score, in the mean and in 95 of 100 test sets (Bröcker & Smith 2007, "Increasing the reliability of
    reliability diagrams"). So the interval of l1 reaches down by what noise alone may add to it, which is at most its own size
    (triangle inequality), and up by the spread of the gaps. l2 and max have none.
    Source: Guo et al. 2017, eq. 3. Parity: torchmetrics `MulticlassCalibrationError`.
    """

    gathers: ClassVar[bool] = True
    bins: Annotated[int, Field(ge=1, le=10_000, description="Number of equal-width bins of confidence.")] = 15
    norm: Annotated[Literal["l1", "l2", "max"], Field(description="Mean, root mean square or largest gap.")] = "l1"

    def update(self, rows: Rows) -> State:
        """`confidence` float32 [n] in (0, 1] and `stated`, the same of outputs that are probabilities; `correct` bool [n]."""
        logits, target = columns(rows)
        _, total = shifted_exp_sum(logits)
        stated = shares(logits).max(axis=1, initial=0)
        return {
            "confidence": (1 / total).astype(np.float32),
            "stated": stated.astype(np.float32),
            "within": within_unit(logits),
            "percent": percentages(logits),
            "correct": predicted_classes(logits, target) == target,
        }

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        if not len(state["confidence"]):
            return NO_SAMPLES
        stated = are_probabilities(state["stated"])
        confidence = state["stated" if stated else "confidence"]
        # Sorted, so that the order of samples cannot touch a bit of the score.
        order = np.lexsort((state["correct"], confidence))
        confidence, correct = confidence[order], state["correct"][order]
        edges = (np.arange(self.bins + 1) / self.bins).astype(np.float32)
        in_bin = np.searchsorted(edges, confidence, side="right") - 1
        sure = confidence.astype(np.float64)
        starts = np.unique(in_bin, return_index=True)[1]
        sizes = np.diff(np.append(starts, len(sure)))
        gaps = np.add.reduceat(correct - sure, starts)  # of a bin's sum, not its mean
        value = float(self._error(gaps, sizes))
        calibrated = self._calibrated(sure, in_bin, sizes)
        usual = f"{calibrated.mean():.4f} here, in 95 of 100 draws at most {np.quantile(calibrated, 0.95):.4f}"
        notes = [of_outputs(state), f"a calibrated model of these confidences scores {usual}"]
        interval = self._interval(value, correct - sure, gaps, starts, calibrated)
        return scored(value, len(sure), interval, "; ".join(filter(None, notes)))

    def incomparable(self, first: State, second: State) -> str:
        return "the error of a sample lies above that of all data, by how much hangs on the model"

    def _interval(self, value: float, apart: Array, gaps: Array, starts: Array, calibrated: Array) -> Interval:
        n = len(apart)
        if self.norm != "l1":
            return no_interval(f"the {self.norm} error of a sample lies above that of all data, by how much nobody knows")
        squares = np.add.reduceat(apart**2, starts) - gaps**2 / n
        spread = Z * float(np.sqrt(squares.sum().clip(min=0))) / n
        noise = max(float(np.quantile(calibrated, 0.975)), spread)
        return Interval(max(0.0, value - noise), min(1.0, value + max(spread, calibrated.std() * Z)), "triangle inequality")

    def _calibrated(self, sure: Array, in_bin: Array, sizes: Array) -> Array:
        """The error, float64 [CALIBRATED], of draws in which every sample is right with the probability that is its confidence.

        Samples of a bin that are equally sure to 1/200 are drawn as one, with their mean confidence.
        """
        kind, kinds, counts = np.unique(in_bin * 201 + (sure * 200).astype(np.int64), return_inverse=True, return_counts=True)
        mean = np.bincount(kinds, sure) / counts
        drawn = np.random.default_rng(SEED).binomial(counts, np.minimum(mean, 1), size=(CALIBRATED, len(counts)))
        starts = np.unique(kind // 201, return_index=True)[1]
        return self._error(np.add.reduceat(drawn - counts * mean, starts, axis=1), sizes)

    def _error(self, gaps: Array, sizes: Array) -> Array:
        """The error [...] of the bins' summed gaps [..., bins] and sizes [bins]."""
        n, gaps = sizes.sum(), np.abs(gaps)
        if self.norm == "l1":
            return np.asarray(gaps.sum(axis=-1) / n)
        if self.norm == "l2":
            return np.asarray(np.sqrt((gaps**2 / sizes).sum(axis=-1) / n))
        return np.asarray((gaps / sizes).max(axis=-1))


def shares(outputs: Array) -> Array:
    """Outputs [n, C] over their row's sum, float64, where they are probabilities by all signs; NaN in rows where they are not."""
    values = np.asarray(outputs, dtype=np.float64)
    total = values.sum(axis=1)
    likely = within_unit(values) & (np.abs(total - 1) <= SUM_ERROR)
    return np.asarray(np.where(likely[:, None], values / np.where(likely, total, 1)[:, None], np.nan))


def within_unit(outputs: Array) -> Array:
    """Whether a row [n, C] lies in [0, 1], bool [n]."""
    return np.asarray(((outputs >= 0) & (outputs <= 1)).all(axis=1))


def percentages(outputs: Array) -> Array:
    """Whether a row [n, C] is one of probabilities in percent by all signs, bool [n]."""
    return np.asarray(~np.isnan(shares(np.asarray(outputs, dtype=np.float64) / 100)).any(axis=1))


def are_probabilities(stated: Array) -> bool:
    """Whether every row of a run is one of probabilities: one row might be by chance."""
    return not np.isnan(stated).any()


def of_outputs(state: State) -> str:
    """What a reader must know of outputs that are no logits, or may be none."""
    if are_probabilities(state["stated"]):
        return PROBABILITIES
    if state["percent"].all():
        return PERCENT
    return DOUBTFUL if len(state["within"]) >= FEWEST_DOUBTFUL and state["within"].all() else ""


def shifted_exp_sum(logits: Array) -> tuple[Array, Array]:
    """Logits less their row's largest, float64 [n, C], and the sum of their exponentials, [n], which is at least 1."""
    # Contiguous, so that a row's sum does not depend on how many rows there are.
    shifted = np.ascontiguousarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    return shifted, np.exp(shifted).sum(axis=1)
