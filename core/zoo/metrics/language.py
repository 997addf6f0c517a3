"""Metrics of task generate over texts: folded from `nll` in nats, the counts of each span, and `context`.

Totals are divided once, over all spans: a mean of per-span figures would weigh short spans like long ones. Perplexity counts
the model's own tokens, so only models of one tokenizer may be compared by it; per character, byte and word they all may, where
their tokens give the whole text back. Where some of it is lost (capitals, spaces, signs of an unknown script), there is no such
figure: what is lost need not be foreseen, so it would be too good.
"""

import math
from typing import Any, ClassVar

import numpy as np

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, Interval, scored, serial_ratio
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class _PerUnit(Metric):
    """`figure` of the nats per unit. Its interval is that of spans in order, whose neighbours may be alike."""

    gathers: ClassVar[bool] = True
    unit: ClassVar[str]

    def figure(self, nats: float) -> float:
        """A rising function of the nats per unit."""
        raise NotImplementedError

    def update(self, rows: Rows) -> State:
        columns = rows.columns
        seen = columns["characters"] + columns["context"]
        kept = {"nll": columns["nll"], "count": columns[self.unit], "lost": columns["lost"]}
        return {**kept, "window": seen, "stride": columns["characters"]}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        nll, count = state["nll"], state["count"].astype(np.float64)
        n, total = len(nll), float(count.sum())
        if not n:
            return NO_SAMPLES
        if not total:
            return Score(None, n, interval=f"none: these texts have no {self.unit}")
        ratio = float(nll.sum()) / total
        window, stride = int(state["window"].max()), int(state["stride"].max())
        note = f"window {window:,} characters, stride {stride:,}, {int(total):,} {self.unit}"
        if state["lost"].any():
            share = float(state["lost"].sum()) / float(state["stride"].sum())
            lost = f"the model's tokens lose {100 * share:.2g} % of the characters"
            note = f"{note}; {lost}"
            if self.unit != "tokens":
                return Score(None, n, interval=f"none: {lost}, so nothing is said per {self.unit[:-1]}", note=note)
        low, high, method = serial_ratio(nll, count)
        if low is not None and high is not None:
            low, high = self.figure(max(0.0, low)), self.figure(high)
        return scored(self.figure(ratio), n, Interval(low, high, method), note)

    def resampled(self, state: State, weights: Array, classes: tuple[str, ...]) -> Array:
        nats = (weights @ state["nll"]) / (weights @ state["count"].astype(np.float64))
        return np.array([self.figure(ratio) for ratio in nats])

    def clusters(self, state: State) -> tuple[Array, str]:
        """Stretches of spans that follow each other: as many as each has spans, since neighbours may be alike."""
        n = len(state["nll"])
        return np.arange(n) * max(1, round(n**0.5)) // max(1, n), "stretches of text"

    def outcomes(self, state: State, classes: tuple[str, ...]) -> Array:
        """Nats of each span."""
        return state["nll"]

    def incomparable(self, first: State, second: State) -> str:
        if (first["count"] != second["count"]).any():
            return f"their {self.unit} are not the same, so that figures per {self.unit[:-1]} do not compare"
        return ""


class _Bits(_PerUnit):
    def figure(self, nats: float) -> float:
        return nats / math.log(2)


class _Perplexity(_PerUnit):
    def figure(self, nats: float) -> float:
        return math.exp(nats) if nats < 700 else math.inf


class Perplexity(_Perplexity):
    """exp(total NLL / total tokens). Not to be compared across tokenizers."""

    unit = "tokens"


class WordPerplexity(_Perplexity):
    """exp(total NLL / total words), words being what white space separates; the NLL is of all characters, spaces included."""

    unit = "words"


class BitsPerCharacter(_Bits):
    """Total NLL in bits per character (Unicode code point)."""

    unit = "characters"


class BitsPerByte(_Bits):
    """Total NLL in bits per byte of UTF-8."""

    unit = "bytes"
