"""Error rates of transcripts: edits over the length of the references, all of them summed before they are divided."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from zoo.metrics import NO_SAMPLES, Metric, Score, State, jackknife, no_interval, scored, wilson
from zoo.tasks import Rows, edit_distance

UNITS = "recordings"


class _ErrorRate(Metric):
    """Σ edits / Σ units of the references: insertions may bring it above 1. Its interval is a jackknife over recordings."""

    gathers: ClassVar[bool] = True
    units: ClassVar[str] = UNITS

    def cut(self, text: str) -> Sequence[str]:
        """The units of a text."""
        raise NotImplementedError

    def update(self, rows: Rows) -> State:
        pairs = [
            (self.cut(said), self.cut(text)) for said, text in zip(rows.columns["reference"], rows.columns["text"], strict=True)
        ]
        edits = [edit_distance(reference, text) for reference, text in pairs]
        return {"edits": np.array(edits, dtype=np.float64), "length": np.array([len(one) for one, _ in pairs], dtype=np.float64)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        edits, length = state["edits"], state["length"]
        n, total = len(edits), length.sum()
        if not n:
            return NO_SAMPLES
        if not total:
            return Score(None, n, interval="none: the references are empty")
        value = float(edits.sum() / total)
        if value == 0:
            return scored(0.0, n, wilson(0, n)._replace(method=f"Wilson over {n:,} {UNITS}"))
        if value >= 1:
            return scored(value, n, no_interval("there are as many errors as there is to transcribe"))
        rest = total - length
        left_out = np.divide(edits.sum() - edits, rest, out=np.full(n, np.nan), where=rest > 0)
        return scored(value, n, jackknife(value, left_out, units=UNITS))

    def resampled(self, state: State, weights: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
        total = weights @ state["length"]
        return np.divide(weights @ state["edits"], total, out=np.full(len(total), np.nan), where=total > 0)

    def outcomes(self, state: State, classes: tuple[str, ...]) -> np.ndarray:
        """Edits of each recording over its own length."""
        return state["edits"] / np.maximum(1, state["length"])


class CharacterErrorRate(_ErrorRate):
    """Of characters, spaces among them. Source: Levenshtein 1966; Morris, Maier & Green 2004 (summed over recordings)."""

    def cut(self, text: str) -> Sequence[str]:
        return text


class WordErrorRate(_ErrorRate):
    """Of words, which white space separates."""

    def cut(self, text: str) -> Sequence[str]:
        return text.split()


class ExactMatch(Metric):
    """The share of recordings whose transcript is the reference."""

    gathers: ClassVar[bool] = True
    proportion: ClassVar[bool] = True
    units: ClassVar[str] = UNITS

    def update(self, rows: Rows) -> State:
        return {"right": (rows.columns["text"] == rows.columns["reference"]).astype(np.float64)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        right = state["right"]
        return scored(right.mean(), len(right), wilson(int(right.sum()), len(right))) if len(right) else NO_SAMPLES

    def values(self, state: State) -> np.ndarray:
        return state["right"]
