"""Metrics of task attack, folded from `clean` and `adversarial` logits [n, C], `norm`, `within`, counts and `target`.

A sample holds where the victim is right on the clean input and the attack finds no input within eps that it gets wrong. So what
the victim gets wrong anyway stays in the denominator of robust accuracy, and an attack that repairs a sample gains nothing.
Right means as in every metric of classification that the true class's logit is above all others; a tie is a mistake.
"""

import math
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from zoo.errors import OptionError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, order_statistics, scored, skewed_mean, wilson
from zoo.metrics.probabilities import FEWEST_DOUBTFUL, shares, within_unit
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]
STAGE = "felled by "
"""What stands before a stage's name in the state of robust accuracy."""
OVERTAKEN = 0.002
"""Share of all samples; source: AutoAttack's `check_square_sr`."""

PROBABILITIES = (
    "the victim returns probabilities, not logits (every row sums to 1): where they saturate, losses and gradients vanish, so "
    "that it looks more robust than it is; attack its logits"
)
DOUBTFUL = (
    "the victim's outputs are taken for logits, but all lie in [0, 1]: if they are probabilities, such as sigmoids, it looks "
    "more robust than it is; attack its logits"
)


class _Share(Metric):
    """A proportion, with Wilson's interval."""

    proportion: ClassVar[bool] = True

    def each(self, rows: Rows) -> Array:
        """What counts, [n]: 1, or 0, and NaN of a sample that is not asked."""
        raise NotImplementedError

    def per_sample(self, rows: Rows) -> State:
        return {"value": self.each(rows).astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        hits, n = int(state["hits"][0]), int(state["n"][0])
        return scored(hits / n, n, wilson(hits, n)) if n else NO_SAMPLES


class CleanAccuracy(_Share):
    """Share of samples that the victim gets right when nobody attacks it."""

    def update(self, rows: Rows) -> State:
        return _counted(self.each(rows))

    def each(self, rows: Rows) -> Array:
        return right(rows.columns["clean"], rows.columns["target"])


class RobustAccuracy(_Share):
    """Share of all samples that the victim gets right and goes on getting right under the attack, within eps.

    It is an upper bound of what the victim withstands: another attack may find more. A note says where samples show signs
    of gradient masking (Athalye et al. 2018, arXiv:1802.00420), which makes a gradient attack look weaker than the victim is,
    where the victim returns probabilities, which does so too (Carlini & Wagner 2017, arXiv:1608.04644, section IV), and where a
    simple stage felled more than `OVERTAKEN` of all after those that follow gradients.
    Of an attack in stages `detail` has the `stages`, and robust accuracy with its interval after each.
    """

    def update(self, rows: Rows) -> State:
        columns, fell = attacked(rows), fooled(rows)
        outputs = columns["clean"]
        was_right = right(outputs, columns["target"])
        counts = {
            "masked": columns["masked"] & was_right,
            "attacked": was_right,
            "overtaken": columns["overtaken"] & fell,
            "stated": ~np.isnan(shares(outputs)).any(axis=1),
            "unit": within_unit(outputs),
        }
        names = next(filter(None, columns["stages"]), ())
        counts |= {STAGE + name: was_right & fell & (columns["felled_by"] == name) for name in names}
        return {**_counted(was_right & ~fell), **{name: np.array([which.sum()]) for name, which in counts.items()}}

    def each(self, rows: Rows) -> Array:
        return np.asarray(right(rows.columns["clean"], rows.columns["target"]) & ~fooled(rows))

    def merge(self, first: State, second: State) -> State:
        nothing = np.array([0])  # a shard in which nothing was attacked knows no stages
        return {name: first.get(name, nothing) + second.get(name, nothing) for name in {**first, **second}}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        counts = {name: int(count[0]) for name, count in state.items()}
        return replace(super().compute(state, classes), note="; ".join(_notes(counts)), detail=_after_each(counts))


class SuccessRate(_Share):
    """Share of the samples that the victim gets right which the attack turns, within eps. n counts those samples."""

    def update(self, rows: Rows) -> State:
        was_right = right(rows.columns["clean"], rows.columns["target"])
        return _counted(fooled(rows)[was_right])

    def each(self, rows: Rows) -> Array:
        was_right = right(rows.columns["clean"], rows.columns["target"])
        return np.where(was_right, fooled(rows), np.nan)


class MedianNorm(Metric):
    """Median norm of the perturbation that fools the victim, over the samples that it gets right, whatever eps is.

    Where the attack fails, the norm that it would take is larger than any that was found, so it counts as infinite; there is
    no value where the attack fails on more than half. Interval: order statistics, whose ranks come from the binomial
    distribution of the number of samples below the median (normal approximation; Conover 1999, section 3.2).
    """

    gathers = True

    def update(self, rows: Rows) -> State:
        columns = rows.columns
        was_right = right(columns["clean"], columns["target"])
        turned = was_right & ~right(attacked(rows)["adversarial"], columns["target"])
        return {"norm": np.where(turned, columns["norm"], np.inf)[was_right]}

    def incomparable(self, first: State, second: State) -> str:
        return "where an attack fails, its norm is unknown"

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        norms = np.sort(state["norm"])
        n = len(norms)
        if not n:
            return NO_SAMPLES
        low, high = norms[(n - 1) // 2], norms[n // 2]
        if not math.isfinite(high):
            return Score(None, n, interval="none: the attack fails on half of the samples or more, and its norm there is unknown")
        return scored((low + high) / 2, n, order_statistics(norms, "the attack fails on too many samples"))


class _MeanCount(Metric):
    """A mean number of evaluations per attacked sample, that is, per sample that the victim gets right."""

    gathers = True

    def each(self, rows: Rows) -> Array:
        """The count of every sample, attacked or not."""
        raise NotImplementedError

    def update(self, rows: Rows) -> State:
        return {"count": self.each(rows)[right(rows.columns["clean"], rows.columns["target"])]}

    def per_sample(self, rows: Rows) -> State:
        return {"value": np.where(right(rows.columns["clean"], rows.columns["target"]), self.each(rows), np.nan)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        counts = state["count"].astype(np.float64)
        if not len(counts):
            return NO_SAMPLES
        return scored(counts.mean(), len(counts), skewed_mean(counts, int((counts > counts.mean()).sum())))


class Forwards(_MeanCount):
    """Mean number of times that the victim was evaluated on a sample, with a gradient or without."""

    def each(self, rows: Rows) -> Array:
        return attacked(rows)["forwards"]


class Gradients(_MeanCount):
    """Mean number of gradients of the victim that were taken for a sample."""

    def each(self, rows: Rows) -> Array:
        return attacked(rows)["gradients"]


def right(logits: Array, target: Array) -> Array:
    """Whether the true class's logit is above all others, bool [n]."""
    own = np.take_along_axis(logits, target[:, None], axis=1)
    return np.asarray((logits >= own).sum(axis=1) == 1)


def fooled(rows: Rows) -> Array:
    """Whether the attack found an input within eps that the victim gets wrong, bool [n]."""
    columns = attacked(rows)
    return np.asarray(~right(columns["adversarial"], columns["target"]) & columns["within"])


def attacked(rows: Rows) -> dict[str, Array]:
    """The columns of an attack. Raises OptionError where there was none."""
    if "adversarial" not in rows.columns:
        raise OptionError("this metric scores an attack, and here it is certified", "certified-accuracy is the bound from below")
    return rows.columns


def _notes(counts: dict[str, int]) -> list[str]:
    """What a reader of robust accuracy must know."""
    masked, attacked_ones, overtaken, n = (counts[name] for name in ("masked", "attacked", "overtaken", "n"))
    notes = []
    if masked:
        notes.append(
            f"{masked:,} of {attacked_ones:,} attacked samples show signs of gradient masking: robustness may be only apparent"
        )
    if overtaken > OVERTAKEN * n:
        notes.append(
            f"simple attacks lowered it by {100 * overtaken / n:.2f} points where those that follow gradients had failed: "
            "more steps, more queries or an attack made for this victim may lower it further"
        )
    if n and counts["stated"] == n:
        notes.append(PROBABILITIES)
    elif n >= FEWEST_DOUBTFUL and counts["unit"] == n:
        notes.append(DOUBTFUL)
    return notes


def _after_each(counts: dict[str, int]) -> dict[str, Any] | None:
    """Robust accuracy after each stage of an attack, and its interval; None where there are no stages."""
    felled = {name.removeprefix(STAGE): count for name, count in counts.items() if name.startswith(STAGE)}
    if not felled:
        return None
    left, n = counts["attacked"] - np.cumsum(list(felled.values())), counts["n"]
    bounds = [wilson(int(count), n) for count in left]
    return {
        "stages": list(felled),
        "robust-accuracy": (left / n).tolist(),
        "ci_low": [low for low, _, _ in bounds],
        "ci_high": [high for _, high, _ in bounds],
    }


def _counted(hits: Array) -> State:
    return {"hits": np.array([hits.sum()]), "n": np.array([len(hits)])}
