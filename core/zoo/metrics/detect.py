"""Metrics of task detect: average precision and recall as COCO defines them.

Detections are scored as the model returned them. Those of no area, or beyond the image's edge, follow the reference's rule: the
whole box counts in its overlap and its area. A note says how many there are.
Interval of each: a jackknife over images, whose detections stay matched as they are. Of fewer than 50 images, or 20 objects a
class in the mean, there is none: average precision of few objects comes out too high, by more than a jackknife can see.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.coco import Array, Evaluation, each_alone, evaluated, gathered, unpacked, weighted
from zoo.metrics.coco_matching import AREAS, MOST, THRESHOLDS
from zoo.metrics.intervals import NO_SAMPLES, jackknife, no_interval, scored
from zoo.tasks.base import Rows

Area = Literal["all", "small", "medium", "large"]
FEWEST_IMAGES, FEWEST_OBJECTS = 50, 20
SIZES = {"small": "below 32x32 pixels", "medium": "32x32 to 96x96 pixels", "large": "above 96x96 pixels"}


class _Coco(Metric):
    """A score that is read off the one COCO evaluation."""

    gathers: ClassVar[bool] = True
    units: ClassVar[str] = "images"
    area: Annotated[Area, Field(description="Objects that count: below 32x32 pixels, up to 96x96, above, or all.")] = "all"

    def update(self, rows: Rows) -> State:
        return rows.once(gathered)

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        images = len(state["object_counts"])
        if not images:
            return NO_SAMPLES
        value, without = self.read(evaluated(state, len(classes)))
        if np.isnan(value):
            return Score(None, images, interval=f"none: {_nothing_to_find(state, self.area)}", note=_oddities(state))
        few = self._too_few(state, images)
        interval = no_interval(few) if few else jackknife(value, without, units="images")
        return scored(value, images, interval, _oddities(state))

    def resampled(self, state: State, weights: Array, classes: tuple[str, ...]) -> Array:
        return self.single(*weighted(state, weights, len(classes)))

    def outcomes(self, state: State, classes: tuple[str, ...]) -> Array | None:
        """The score of each image alone, NaN where it has nothing to find."""
        return self.single(*each_alone(state, len(classes)))

    def single(self, precision: Array, recall: Array) -> Array:
        """The one number, float64 [b], of average precision [b, 10, 4] and recall [b, 10, 4, 3]."""
        raise NotImplementedError

    def _too_few(self, state: State, images: int) -> str:
        """Why there is too little to tell how sure the score is; empty where there is enough."""
        if images < FEWEST_IMAGES:
            return f"{images} images are too few"
        objects = unpacked(state)[1]
        labels = objects.label[objects.counted()[list(AREAS).index(self.area)]]
        classes = len(np.unique(labels))
        return f"{len(labels):,} objects of {classes} classes are too few" if len(labels) < FEWEST_OBJECTS * classes else ""

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        """The value, and what it is without some of the images."""
        raise NotImplementedError


class CocoAP(_Coco):
    """Mean over classes and overlaps of the average precision at 101 recalls, of at most 100 detections a class and image.

    Crowds are ignored, classes without objects left out. Parity: pycocotools `COCOeval.stats[0:6]`.
    """

    iou: Annotated[float | None, Field(description="One overlap of 0.5, 0.55 to 0.95; default: the mean over all ten.")] = None

    @field_validator("iou")
    @classmethod
    def _one_of_ten(cls, iou: float | None) -> float | None:
        if iou is not None and not np.isclose(THRESHOLDS, iou).any():
            raise ValueError("must be one of 0.5, 0.55, 0.6 to 0.95")
        return iou

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        value = self.single(evaluation.precision[None], evaluation.recall[None])
        return float(value[0]), self.single(evaluation.precision_without, evaluation.recall_without)

    def single(self, precision: Array, recall: Array) -> Array:
        chosen = slice(None) if self.iou is None else np.isclose(THRESHOLDS, self.iou)
        return np.asarray(precision[:, chosen, list(AREAS).index(self.area)].mean(axis=1))


class CocoAR(_Coco):
    """Mean over classes and the ten overlaps of the share of objects found by the best detections of each class and image.

    Crowds are ignored, classes without objects left out. Parity: pycocotools `COCOeval.stats[6:12]`.
    """

    max: Annotated[int, Field(description="How many detections of a class and image count: 1, 10 or 100.")] = 100

    @field_validator("max")
    @classmethod
    def _one_of_three(cls, most: int) -> int:
        if most not in MOST:
            raise ValueError("must be 1, 10 or 100")
        return most

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        value = self.single(evaluation.precision[None], evaluation.recall[None])
        return float(value[0]), self.single(evaluation.precision_without, evaluation.recall_without)

    def single(self, precision: Array, recall: Array) -> Array:
        return np.asarray(recall[:, :, list(AREAS).index(self.area), MOST.index(self.max)].mean(axis=1))


def _oddities(state: State) -> str:
    """What is odd about the detections; empty where nothing is."""
    flat, beyond = (int(count) for count in state["odd"].sum(axis=0))
    found = [f"{flat:,} of no area"] * bool(flat) + [f"{beyond:,} reaching over the image's edge"] * bool(beyond)
    return f"of {len(state['boxes']):,} detections, {' and '.join(found)}, scored as they are" if found else ""


def _nothing_to_find(state: State, area: str) -> str:
    """Why there is no object to score."""
    if not len(state["objects"]):
        return "there are no annotations"
    return f"no object is {area} ({SIZES[area]})" if area in SIZES else "every annotation is of a crowd"
