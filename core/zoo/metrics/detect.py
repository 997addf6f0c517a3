"""Metrics of task detect: average precision and recall as COCO defines them.

Interval of each: a basic bootstrap over images, whose detections stay matched as they are; classes of which a replicate
holds no object are left out of it, as they are of the score. Average precision of few images comes out too high (in
simulation of 60 images and three classes by a quarter), which reflecting takes out for the most part: such intervals cover
the score of many images in 90 % of cases, percentiles in 70 %.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.coco import Array, Evaluation, evaluated, gathered
from zoo.metrics.coco_matching import AREAS, MOST, THRESHOLDS
from zoo.metrics.intervals import NO_SAMPLES, no_interval, reflected, scored
from zoo.tasks.base import Rows

Area = Literal["all", "small", "medium", "large"]
SIZES = {"small": "below 32x32 pixels", "medium": "32x32 to 96x96 pixels", "large": "above 96x96 pixels"}


class _Coco(Metric):
    """A score that is read off the one COCO evaluation."""

    gathers: ClassVar[bool] = True
    area: Annotated[Area, Field(description="Objects that count: below 32x32 pixels, up to 96x96, above, or all.")] = "all"

    def update(self, rows: Rows) -> State:
        return rows.once(gathered)

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        images = len(state["object_counts"])
        if not images:
            return NO_SAMPLES
        value, replicates = self.read(evaluated(state, len(classes)))
        if np.isnan(value):
            return Score(None, images, interval=f"none: {_nothing_to_find(state, self.area)}")
        drawn = replicates[~np.isnan(replicates)]
        few = no_interval("one image has no variance")
        return scored(value, images, reflected(float(value), drawn) if images > 1 else few)

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        """The value and its replicates."""
        raise NotImplementedError


class CocoAP(_Coco):
    """Mean over classes and overlaps of the average precision at 101 recalls, of at most 100 detections a class and image.

    Crowds are ignored, classes without objects left out. Parity: pycocotools `COCOeval.stats[0:6]`, faster-coco-eval.
    """

    iou: Annotated[float | None, Field(description="One overlap of 0.5, 0.55 to 0.95; default: the mean over all ten.")] = None

    @field_validator("iou")
    @classmethod
    def _one_of_ten(cls, iou: float | None) -> float | None:
        if iou is not None and not np.isclose(THRESHOLDS, iou).any():
            raise ValueError("must be one of 0.5, 0.55, 0.6 to 0.95")
        return iou

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        chosen = slice(None) if self.iou is None else np.isclose(THRESHOLDS, self.iou)
        size = list(AREAS).index(self.area)
        replicates = evaluation.precision_replicates[:, chosen, size].mean(axis=1)
        return float(evaluation.precision[chosen, size].mean()), replicates


class CocoAR(_Coco):
    """Mean over classes and the ten overlaps of the share of objects found by the best detections of each class and image.

    Crowds are ignored, classes without objects left out. Parity: pycocotools `COCOeval.stats[6:12]`, faster-coco-eval.
    """

    max: Annotated[int, Field(description="How many detections of a class and image count: 1, 10 or 100.")] = 100

    @field_validator("max")
    @classmethod
    def _one_of_three(cls, most: int) -> int:
        if most not in MOST:
            raise ValueError("must be 1, 10 or 100")
        return most

    def read(self, evaluation: Evaluation) -> tuple[float, Array]:
        size, most = list(AREAS).index(self.area), MOST.index(self.max)
        replicates = evaluation.recall_replicates[:, :, size, most].mean(axis=1)
        return float(evaluation.recall[:, size, most].mean()), replicates


def _nothing_to_find(state: State, area: str) -> str:
    """Why there is no object to score."""
    if not len(state["objects"]):
        return "there are no annotations"
    return f"no object is {area} ({SIZES[area]})" if area in SIZES else "every annotation is of a crowd"
