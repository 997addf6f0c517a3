"""What a lesson answers with, and what the mean of a few seeds is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.charts import Chart
from zoo.metrics import Score, scored, student_mean


@dataclass(frozen=True)
class Lesson:
    """A table, what a reader must know of it, the same as numbers, and the picture."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str]
    figures: Sequence[dict[str, Any]]
    picture: Chart = field(repr=False)

    def text(self) -> str:
        """All but the picture, to be printed."""
        table = [self.head, *self.rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join([self.title, "", *lines, "", *self.notes])


def over_seeds(values: Sequence[float], least: float | None = None, most: float | None = None) -> Score:
    """The mean of one value a seed, with Student's 95 % interval over the seeds, cut off at the ends of the score's range."""
    array = np.asarray(values, dtype=float)
    found = student_mean(array)
    if found.low is not None and found.high is not None:
        low = found.low if least is None else max(least, found.low)
        high = found.high if most is None else min(most, found.high)
        found = found._replace(low=low, high=high)
    return scored(float(array.mean()), len(array), found)


def shown(score: Score | None, digits: int = 4) -> str:
    """`0.8612 [0.8581, 0.8643]`, without an interval where there is none; `diverged` of None."""
    if score is None:
        return "diverged"
    bounds = f" [{score.ci_low:.{digits}f}, {score.ci_high:.{digits}f}]" if score.ci_low is not None else ""
    return f"{score.value:.{digits}f}{bounds}"


def plain(score: Score | None) -> dict[str, Any] | None:
    """The same as JSON."""
    return None if score is None else {"mean": score.value, "low": score.ci_low, "high": score.ci_high, "seeds": score.n}
