"""generate: restored pictures beside what they were made of, drawn ones, texts foreseen, and images with a likelihood."""

import math
from typing import ClassVar

import numpy as np

from zoo.data.dataset import Sample
from zoo.data.spans import Span
from zoo.reports.kinds.view import Array, View
from zoo.reports.seen import Seen, seen_input, seen_picture
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

WIDE = 900
"""Pixels of three pictures in a row."""
CONTEXT = 120
"""Characters of the context that are shown."""


class RestoreView(View):
    """Pictures made of a condition, such as restored ones."""

    reads_targets: ClassVar[bool] = True

    def done(self) -> None:
        if self.run.data is not None and getattr(self.run.task, "degradation", None) is not None:
            self.caption = "From left to right: the picture as it was given, as it was restored, and the original."

    def shared(self, sample: Sample) -> Seen | None:
        return None

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        name = rows.ids[0]
        if sample is None:
            return _made(rows, f"{name}, as it was predicted")
        picture = self.run.task.draw(sample, rows.columns)
        said = "as it was given, as it was restored, and the original" if self.caption else "as it was predicted"
        return None if picture is None else seen_picture(picture, f"{name}: {said}", WIDE)


class SamplingView(View):
    """Pictures drawn from nothing, or of a class, perhaps judged by a classifier."""

    def shared(self, sample: Sample) -> Seen | None:
        return None

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        return _made(rows, f"{rows.ids[0]}, as it was drawn")

    def facts(self, rows: Rows) -> list[str]:
        told = [] if "image" in rows.columns else ["the picture is not stored: `protocol.store` says so"]
        if "judged" in rows.columns:
            names = (*self.run.classes, "another class")
            asked, judged = int(rows.columns["asked"][0]), int(rows.columns["judged"][0])
            told.append(f"asked for {names[asked]}, judged {names[judged]}" if asked >= 0 else f"judged {names[judged]}")
        return told


class TextView(View):
    """Spans of text with their likelihood."""

    caption = "What was foreseen stands between ▸ and ◂, after the end of what was read before."

    def __init__(self, run: StoredRun) -> None:
        self._bits: list[Array] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        characters, lost = rows.columns["characters"], rows.columns["lost"]
        # What the tokens lose need not be foreseen, so that nothing is said per character.
        self._bits.append(np.where(lost > 0, np.nan, rows.columns["nll"] / math.log(2) / characters))

    def done(self) -> None:
        self.score, self.measure, self.higher = np.concatenate(self._bits), "bits a character", False

    def shared(self, sample: Sample) -> Seen | None:
        if not isinstance(sample.input, Span):
            return None
        before = sample.input.context[-CONTEXT:]
        return Seen(text=f"{'…' if len(sample.input.context) > CONTEXT else ''}{before}▸{sample.input.text}◂")

    def facts(self, rows: Rows) -> list[str]:
        one = {name: column[0] for name, column in rows.columns.items()}
        nats = float(one["nll"])
        lost = f", {one['lost']} of them lost" if one["lost"] else ""
        return [
            f"{one['characters']} characters{lost}, {one['tokens']} tokens, after {one['context']} characters of context",
            f"{nats:.2f} nats",
        ]


class LikelihoodView(View):
    """Images with draws of a bound of their likelihood."""

    def facts(self, rows: Rows) -> list[str]:
        weights = rows.columns["log_weights"][0]
        top = float(weights.max())
        bound = top + math.log(float(np.exp(weights - top).mean()))
        what = f"of {len(weights)} draws" if len(weights) > 1 else "of its density"
        return [f"log-weights {what}: mean {float(weights.mean()):.2f} nats, log-mean-exp {bound:.2f} nats"]


def _made(rows: Rows, says: str) -> Seen | None:
    """The image that is stored of a row."""
    import torch

    if "image" not in rows.columns:
        return None
    image = torch.from_numpy(np.ascontiguousarray(rows.columns["image"][0]))
    return seen_input(image, says, WIDE)
