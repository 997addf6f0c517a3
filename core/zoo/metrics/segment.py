"""Metrics of task segment over label maps: folded from `labels` [h, w] of each sample and its target, read again by id.

Every pixel counts once, over the whole dataset: intersections and unions are summed over all images and divided once, never
averaged over images. A pixel whose target is `IGNORE` counts for nothing, whatever is predicted there. A class that no
pixel has, neither in a target nor in a prediction, is left out of averages; one that is only predicted scores 0.
Intervals: a jackknife over images, since the pixels of an image are anything but independent.
"""

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from zoo.errors import DataError, OptionError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, Interval, jackknife, no_interval, scored
from zoo.tasks.base import Rows
from zoo.tasks.segment import IGNORE

Array = np.ndarray[Any, Any]


class _Pixels(Metric):
    """What the metrics below share: the pixels of each class in each image that are hit, true and predicted."""

    gathers: ClassVar[bool] = True
    units: ClassVar[str] = "images"

    def update(self, rows: Rows) -> State:
        """`hits`, `true`, `predicted` int64 [n, C]: pixels of an image that are of a class rightly, in truth, as predicted."""
        return dict(zip(("hits", "true", "predicted"), rows.once(pixel_counts), strict=True))

    def ratio(self, hits: Array, true: Array, predicted: Array) -> tuple[Array, Array]:
        """Numerator and denominator of every class, [..., C], from the sums over images."""
        raise NotImplementedError

    def per_class(self, sums: Array) -> Array:
        """The ratio of every class, float64 [..., C], of sums [..., 3, C]; NaN for a class that no pixel has."""
        top, bottom = self.ratio(sums[..., 0, :], sums[..., 1, :], sums[..., 2, :])
        return np.asarray(np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=bottom > 0))

    def overall(self, sums: Array) -> Array:
        """The value, float64 [...], of sums [..., 3, C]."""
        ratio = self.per_class(sums)
        there = ~np.isnan(ratio)
        return np.asarray(np.where(there, ratio, 0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        images = _stacked(state)
        n = len(images)
        if not images.any():
            return nothing_scored(n)
        sums = images.sum(axis=0)
        value = float(self.overall(sums))
        return scored(value, n, jackknife(value, self.overall(sums - images), units="images"))

    def resampled(self, state: State, weights: Array, classes: tuple[str, ...]) -> Array:
        images = _stacked(state)
        sums = weights @ images.reshape(len(images), -1).astype(np.float64)
        return self.single(sums.reshape(len(weights), *images.shape[1:]), classes)

    def outcomes(self, state: State, classes: tuple[str, ...]) -> Array:
        """The score of each image alone; NaN where nothing in it counts."""
        images = _stacked(state)
        there = images.any(axis=(1, 2))
        return np.asarray(np.where(there, self.single(images, classes), np.nan))

    def single(self, sums: Array, classes: tuple[str, ...]) -> Array:
        """The one number that is compared, float64 [...], of sums [..., 3, C]."""
        return self.overall(sums)


class MeanIou(_Pixels):
    """Mean over classes of the intersection over union, also known as the Jaccard index.

    Parity: the confusion matrix of all pixels by sklearn. `torchmetrics.segmentation.MeanIoU` averages over images instead.
    """

    def ratio(self, hits: Array, true: Array, predicted: Array) -> tuple[Array, Array]:
        return hits, true + predicted - hits


class PixelAccuracy(_Pixels):
    """Share of the pixels that are labelled rightly. Parity: sklearn `accuracy_score` of all pixels."""

    def overall(self, sums: Array) -> Array:
        totals = sums.sum(axis=-1)
        return np.asarray(totals[..., 0] / np.maximum(totals[..., 1], 1))


class _OfClass(_Pixels):
    of: Annotated[str | None, Field(description="The class that is scored, by name.")] = None

    def check(self, classes: tuple[str, ...]) -> None:
        if self.of is not None and self.of not in classes:
            named = get_close_matches(self.of, classes, 5) or classes[:10]
            raise OptionError(f"of={self.of}: no class has that name", f"classes: {', '.join(named)}")

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        self.check(classes)
        images = _stacked(state)
        if self.of is None or not images.any():
            return super().compute(state, classes)
        value, interval = self.of_one(images[..., classes.index(self.of)])
        if value is None:
            return Score(None, len(images), interval=f"none: no pixel is {self.of}, nor predicted as it")
        return scored(value, len(images), interval)

    def single(self, sums: Array, classes: tuple[str, ...]) -> Array:
        return self.overall(sums) if self.of is None else np.asarray(self.per_class(sums)[..., classes.index(self.of)])

    def of_one(self, own: Array) -> tuple[float | None, Interval]:
        """Value and interval of one class, from its counts int64 [n, 3]; None where no pixel is of it, nor predicted as it."""
        sums = own.sum(axis=0)
        value = float(self.per_class(sums[:, None])[0])
        if np.isnan(value):
            return None, no_interval("no such pixel")
        return value, jackknife(value, self.per_class((sums - own)[..., None])[:, 0], units="images")


class Iou(_OfClass):
    """Intersection over union of one class, or of each: then a list, in `detail`, with bounds of their own.

    Parity: sklearn `jaccard_score` of all pixels.
    """

    def ratio(self, hits: Array, true: Array, predicted: Array) -> tuple[Array, Array]:
        return hits, true + predicted - hits

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        if self.of is not None:
            return super().compute(state, classes)
        images = _stacked(state)
        if not images.any():
            return nothing_scored(len(images))
        scores = [self.of_one(images[..., one]) for one in range(len(classes))]
        detail = {
            "classes": list(classes),
            "iou": [value for value, _ in scores],
            "ci_low": [interval.low for _, interval in scores],
            "ci_high": [interval.high for _, interval in scores],
        }
        return Score(None, len(images), interval="none: a score for each class, with bounds of its own", detail=detail)


class Dice(_OfClass):
    """Dice coefficient, 2 hits / (true + predicted) pixels: mean over classes, or of one. Parity: sklearn `f1_score`, macro."""

    def ratio(self, hits: Array, true: Array, predicted: Array) -> tuple[Array, Array]:
        return 2 * hits, true + predicted


def nothing_scored(images: int) -> Score:
    """The score where no pixel counts."""
    return Score(None, images, interval="none: every pixel is ignored") if images else NO_SAMPLES


def pixel_counts(rows: Rows) -> tuple[Array, Array, Array]:
    """Hit, true and predicted pixels of each image and class, int64 [n, C] each; ignored pixels are dropped first.

    Raises DataError naming a sample whose target has another size or a label that is no class.
    """
    if "labels" not in rows.columns:
        raise OptionError("this metric scores label maps, and here edges are predicted", "zoo list metrics --task segment")
    counts = np.zeros((3, len(rows), len(rows.classes)), dtype=np.int64)
    for row, predicted in enumerate(rows.columns["labels"]):
        matrix = confusion(np.asarray(rows.target(row)), predicted, len(rows.classes), rows.ids[row])
        counts[:, row] = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)[:-1]
    return counts[0], counts[1], counts[2]


def confusion(target: Array, predicted: Array, classes: int, sample: str) -> Array:
    """Pixels of each true class (row) predicted as each class (column), int64 [C, C + 1], without those that are ignored.

    The last column is of predictions of a class that the dataset lacks.
    """
    if target.shape != predicted.shape:
        raise DataError(
            f"the target of sample {sample} is {list(target.shape)}, its stored prediction {list(predicted.shape)}",
            "was the data replaced meanwhile? run it again with `fresh`",
        )
    kept = target != IGNORE
    true, said = target[kept].astype(np.int64), predicted[kept].astype(np.int64)
    worst = max(int(true.max(initial=0)), int(said.max(initial=0)) - 1)
    if worst >= classes:
        raise DataError(f"sample {sample} has a label {worst}, but there are {classes} classes")
    return np.bincount(true * (classes + 1) + said, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def _stacked(state: State) -> Array:
    """Counts of every image, int64 [n, 3, C]."""
    return np.stack([state["hits"], state["true"], state["predicted"]], axis=1)
