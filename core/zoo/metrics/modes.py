"""Metrics of drawn images by the classes that a classifier sees in them: `judged`, `judged_real` and `asked` int [n].

A generator that draws a few things well passes for a good one where only likeness is asked. Counting classes shows what it never
draws, as far as the judge can be believed: it sees one of its classes in anything, noise included.
"""

from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, Interval, scored, wilson
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class _Counted(Metric):
    """Counts of classes among drawn and real images, [classes + 1] each: the last is of any class that the dataset lacks."""

    def update(self, rows: Rows) -> State:
        width = len(rows.classes) + 1
        return {name: np.bincount(_column(rows, name), minlength=width) for name in ("judged", "judged_real")}


class ModeCoverage(_Counted):
    """Smallest share of a class among drawn images, as a share of what it has among the real ones: 0 where one is never drawn.

    1 where all are drawn as often as they are met. Classes without a real image do not count. After Metz et al. 2017, Unrolled
    generative adversarial networks, arXiv:1611.02163, section 3.3.1, who count the modes that are drawn at all by a classifier.
    The interval speaks of other draws beside the same real images: Wilson's of each class, wide enough to hold for all at once.
    """

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        drawn, real = state["judged"], state["judged_real"]
        n, met = int(drawn.sum()), np.flatnonzero(real[: len(classes)])
        if not n or not len(met):
            return NO_SAMPLES
        shares = real[met] / real.sum()
        ratios = drawn[met] / n / shares
        bounds = [wilson(int(count), n, len(met)) for count in drawn[met]]
        low = min(float(bound.low or 0) / share for bound, share in zip(bounds, shares, strict=True))
        high = min(float(bound.high or 0) / share for bound, share in zip(bounds, shares, strict=True))
        least = int(ratios.argmin())
        absent = int((drawn[met] == 0).sum())
        note = f"least drawn is {classes[met[least]]}: {drawn[met[least]]:,} of {n:,}, where {real[met[least]]:,} of "
        note += f"{int(real.sum()):,} are real" + (f"; {absent} of {len(met)} classes are never drawn" if absent else "")
        value = min(1.0, float(ratios[least]))
        return scored(value, n, Interval(min(low, value), min(1.0, high), f"Wilson of {len(met)} classes at once"), note)


class ClassShares(_Counted):
    """Share of each class among drawn images, in `detail`, with bounds of its own, beside that among the real ones."""

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        drawn, real = state["judged"], state["judged_real"]
        n = int(drawn.sum())
        if not n:
            return NO_SAMPLES
        bounds = [wilson(int(count), n) for count in drawn[: len(classes)]]
        detail = {
            "classes": list(classes),
            "class-shares": [int(count) / n for count in drawn[: len(classes)]],
            "ci_low": [bound.low for bound in bounds],
            "ci_high": [bound.high for bound in bounds],
            "real": [int(count) / int(real.sum()) for count in real[: len(classes)]],
        }
        return Score(None, n, interval="none: a share for each class, with bounds of its own", detail=detail)


class ClassConsistency(Metric):
    """Share of drawn images in which the judge sees the class that was asked for. Interval: Wilson.

    No judge is always right: of the real images of these classes it sees the asked one in a share that the note says.
    """

    def update(self, rows: Rows) -> State:
        judged, real, asked = (_column(rows, name) for name in ("judged", "judged_real", "asked"))
        if (asked < 0).any():
            raise DataError("no class was asked for, so none can be met", "take a benchmark that asks for classes")
        return {
            "n": np.array([len(asked)]),
            "met": np.array([(judged == asked).sum()]),
            "real": np.array([(real == asked).sum()]),
        }

    def per_sample(self, rows: Rows) -> State:
        return {"value": (_column(rows, "judged") == _column(rows, "asked")).astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        n, met = int(state["n"][0]), int(state["met"][0])
        note = f"of the real images of these classes {int(state['real'][0]):,} of {n:,}"
        return scored(met / n, n, wilson(met, n), note) if n else NO_SAMPLES


def _column(rows: Rows, name: str) -> Array:
    if name not in rows.columns:
        raise DataError("nothing that was drawn was judged", "give the benchmark a classifier: `aux.judge=MODEL`")
    return rows.columns[name]
