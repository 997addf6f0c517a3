"""What a report shows of one run beside its scores: something of every sample, and sections of its own."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.data.dataset import Sample
from zoo.metrics.base import State
from zoo.reports.blocks import Section
from zoo.reports.seen import Seen, seen_sample
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class View:
    """A run seen by its samples. What follows is an array [n] in their order, or None where the task has no such thing.

    `truth` and `guess` int, places in `labels`; `sure` float in [0, 1], how sure the model is of its guess; `right` float 1, 0
    or NaN, whether it is; `score` float, how well the sample came out, by `measure`, NaN where that means nothing; `higher` says
    which way is better. `holds` says of each sample which labels its annotation has, where that may be several.
    """

    reads_targets: ClassVar[bool] = False
    """Whether nothing can be said of a sample without its dataset."""
    words: ClassVar[tuple[str, str]] = ("wrong", "right")
    """What a sample is called of which `right` is 0, and 1."""
    caption: str = ""
    """What is to be seen in each picture, from left to right."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.ids: list[str] = []
        self.labels: tuple[str, ...] = ()
        self.truth: Array | None = None
        self.guess: Array | None = None
        self.sure: Array | None = None
        self.right: Array | None = None
        self.score: Array | None = None
        self.measure = run.record.primary.metric
        self.higher = run.record.primary.direction == "higher"
        self.holds: list[list[int]] | None = None
        scores = run.primary is not None and (run.data is not None or not self.reads_targets)
        states: list[State | None] = []
        for rows in run.rows():
            self.ids += rows.ids
            self.take(rows)
            if scores and run.primary is not None:
                states.append(run.primary[1].per_sample(rows))
        self.done()
        if self.right is None and self.score is None:
            self._score(states)

    def take(self, rows: Rows) -> None:
        """Fold the predictions of some samples."""

    def done(self) -> None:
        """All predictions have been seen."""

    def sections(self) -> list[Section]:
        """What is to be seen of the whole run, beside its scores."""
        return []

    def shared(self, sample: Sample) -> Seen | None:
        """What is shown of a sample once, whatever runs say of it."""
        return seen_sample(sample, self.run.info.modality, f"sample {sample.id}")

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        """What is shown of this run's prediction; `rows` are of this sample alone, which is None where it is not here."""
        return None

    def facts(self, rows: Rows) -> list[str]:
        """What else is told of it, a line each."""
        return []

    def _score(self, states: Sequence[State | None]) -> None:
        """How each sample came out by the first metric; where that is the mean of what is right or wrong, so."""
        there = [state for state in states if state is not None]
        if self.run.primary is None or not there or len(there) < len(states):
            return
        _, metric, spec = self.run.primary
        state = metric.join(there)
        found, is_mean = metric.outcomes(state, self.run.classes), metric.values(state) is not None
        if found is None or len(found) != len(self.ids):
            return
        known = found[~np.isnan(found)]
        if is_mean and spec.direction == "higher" and np.isin(known, (0.0, 1.0)).all():
            self.right = found
        elif spec.direction != "none":
            self.score = found
            if not is_mean:  # then it is in no unit that is known, and not what the score is made of
                self.measure = f"outcome by {self.measure}"
