"""Precision and recall of drawn images: how many lie among the real ones, and how many real ones lie among the drawn.

Source: Kynkäänniemi et al. 2019, Improved precision and recall metric for assessing generative models, arXiv:1904.06991,
section 2: a set's manifold is the union of balls about its points, each as wide as the distance to the point's k-th nearest.
"""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.frechet import check_space
from zoo.metrics.intervals import NO_SAMPLES, jackknife, scored, wilson
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]
BLOCK = 1024
"""Points whose distances are held at a time."""


class _Within(Metric):
    """The share of `asked` that lies on the manifold of `among`.

    Interval: a jackknife over the images of both. Without a ball go the images that no other ball holds; that its neighbours'
    balls would then grow is left out, which makes the interval a little wider.
    """

    gathers: ClassVar[bool] = True
    asked: ClassVar[str]
    among: ClassVar[str]
    k: Annotated[int, Field(ge=1, description="Which nearest neighbour's distance is a ball's radius.")] = 3
    features: Annotated[str | None, Field(description="Name of the embedder that the features must be of; None takes any.")] = (
        None
    )

    def update(self, rows: Rows) -> State:
        check_space(rows, self.features)
        return {name: rows.columns[name] for name in ("features", "real", "another")}

    def incomparable(self, first: State, second: State) -> str:
        return "whether an image counts hangs on all others, so that no image is independent"

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        n = len(state["real"])
        if n <= self.k:
            return NO_SAMPLES if not n else Score(None, n, interval=f"none: {n} samples have no {self.k} neighbours")
        held, only = balls(state[self.asked], state[self.among], self.k)
        floor = {"features": "another", "real": "real"}
        reals = int((balls(state[floor[self.asked]], state[floor[self.among]], self.k)[0] > 0).sum())
        note = f"{n:,} other real images have {reals / n:.4g}"
        hits = held > 0
        without_asked = (hits.sum() - hits) / (n - 1)
        lost = np.bincount(only[held == 1], minlength=n) / n
        without_ball = hits.mean() - lost + lost.mean()
        if 0 < hits.sum() < n:
            interval = jackknife(float(hits.mean()), np.concatenate([without_asked, without_ball]), units="images of both sets")
        else:
            interval = wilson(int(hits.sum()), n)
        return scored(hits.mean(), n, interval, note)


class SamplePrecision(_Within):
    """Share of drawn images on the manifold of the real ones: fidelity."""

    asked, among = "features", "real"


class SampleRecall(_Within):
    """Share of real images on the manifold of the drawn ones: diversity."""

    asked, among = "real", "features"


def balls(points: Array, others: Array, k: int) -> tuple[Array, Array]:
    """In how many balls of `others` [m, d] each of `points` [n, d] lies, and one of them: int64 [n] each."""
    radii = np.concatenate([np.partition(block, k, axis=1)[:, k] for block in _distances(others, others)])  # itself is the 0th
    found = [(inside.sum(axis=1), inside.argmax(axis=1)) for inside in (block <= radii for block in _distances(points, others))]
    held, one = (np.concatenate(column) for column in zip(*found, strict=True))
    return held, one


def _distances(points: Array, others: Array) -> Any:
    """Euclidean distances in float64, blocks of rows [at most BLOCK, m]."""
    from scipy.spatial.distance import cdist

    for start in range(0, len(points), BLOCK):
        yield cdist(points[start : start + BLOCK].astype(np.float64), others.astype(np.float64))
