"""The COCO evaluation of gathered detections: scores by faster-coco-eval, and replicates of them for intervals."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.metrics import intervals
from zoo.metrics.base import State
from zoo.metrics.coco_matching import AREAS, MOST, RECALLS, THRESHOLDS, Found, Objects, match, weighted_scores
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]

REPLICATES = 200
"""Enough for the 2.5 % quantiles to be steady to about a tenth of the interval."""


@dataclass(frozen=True)
class Evaluation:
    """Average precision [10 thresholds, 4 sizes] and recall [10, 4, 3 numbers of detections], NaN where no object is of a
    size; and `REPLICATES` of each, of one bootstrap sample of images a row, along a first axis."""

    precision: Array
    recall: Array
    precision_replicates: Array
    recall_replicates: Array


def gathered(rows: Rows) -> State:
    """`boxes` float64 [d, 6] x1 y1 x2 y2 score label, `objects` float64 [n, 7] x1 y1 x2 y2 label crowd area, and how many of
    each an image has, `box_counts` and `object_counts` int64 [images]."""
    boxes, objects = rows.columns["boxes"], rows.columns["objects"]
    return {
        "boxes": np.concatenate([np.empty((0, 6)), *boxes]),
        "objects": np.concatenate([np.empty((0, 7)), *objects]),
        "box_counts": np.array([len(row) for row in boxes], dtype=np.int64),
        "object_counts": np.array([len(row) for row in objects], dtype=np.int64),
    }


_LAST: dict[str, Evaluation] = {}


def evaluated(state: State, classes: int) -> Evaluation:
    """The evaluation of a merged state; that of the last one is kept, since every COCO score is read off the same."""
    digest = hashlib.sha256(str(classes).encode())
    for name in sorted(state):
        digest.update(np.ascontiguousarray(state[name]).data)
    key = digest.hexdigest()
    if key not in _LAST:
        evaluation = _evaluate(state, classes)
        _LAST.clear()
        _LAST[key] = evaluation
    return _LAST[key]


def _evaluate(state: State, classes: int) -> Evaluation:
    images = len(state["object_counts"])
    found, objects = unpacked(state)
    precision, recall = reference_scores(found, objects, images)
    rng = np.random.default_rng(intervals.SEED)
    weights = rng.multinomial(images, np.full(images, 1 / images), size=REPLICATES).astype(np.float32)
    return Evaluation(precision, recall, *weighted_scores(match(found, objects), objects, weights, classes))


def unpacked(state: State) -> tuple[Found, Objects]:
    """Detections and objects of a state, with the position of their image."""
    positions = np.arange(len(state["object_counts"]))
    boxes, objects = state["boxes"], state["objects"]
    return (
        Found(np.repeat(positions, state["box_counts"]), boxes[:, :4], boxes[:, 4], boxes[:, 5].astype(np.int64)),
        Objects(
            np.repeat(positions, state["object_counts"]),
            objects[:, :4],
            objects[:, 4].astype(np.int64),
            objects[:, 5].astype(bool),
            objects[:, 6],
        ),
    )


def reference_scores(found: Found, objects: Objects, images: int) -> tuple[Array, Array]:
    """Average precision [10, 4] and recall [10, 4, 3] as faster-coco-eval has them, NaN where no object is of a size.

    Classes without an object have no score, so detections of them are left out from the start.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    present = np.unique(objects.label)
    if not len(present):
        return np.full((len(THRESHOLDS), len(AREAS)), np.nan), np.full((len(THRESHOLDS), len(AREAS), len(MOST)), np.nan)
    truth, result = COCO(), COCO()
    pictures = [{"id": i} for i in range(images)]
    categories = [{"id": label, "name": str(label)} for label in present.tolist()]
    theirs = _annotations(objects, iscrowd=objects.crowd.astype(int), area=objects.area)
    kept = np.isin(found.label, present)
    mine = Found(found.image[kept], found.boxes[kept], found.score[kept], found.label[kept])
    sides = mine.boxes[:, 2:] - mine.boxes[:, :2]
    for coco, annotations in ((truth, theirs), (result, _annotations(mine, score=mine.score, area=sides.prod(axis=1)))):
        coco.dataset = {"images": pictures, "annotations": annotations, "categories": categories}
        coco.createIndex()
    evaluation = COCOeval_faster(truth, result, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"]).reshape(len(THRESHOLDS), len(RECALLS), len(present), len(AREAS), -1)
    recall = np.asarray(evaluation.eval["recall"]).reshape(len(THRESHOLDS), len(present), len(AREAS), -1)
    return _mean_of_classes(precision[..., -1].mean(axis=1)), _mean_of_classes(recall)


def _annotations(boxes: Found | Objects, **columns: Array) -> list[dict[str, Any]]:
    """Annotations as the COCO format has them, ids from 1: zero would mean unmatched."""
    corners = np.concatenate([boxes.boxes[:, :2], boxes.boxes[:, 2:] - boxes.boxes[:, :2]], axis=1)
    every = {"image_id": boxes.image, "category_id": boxes.label, "bbox": corners, **columns}
    names = ("id", *every)
    lists = (range(1, len(corners) + 1), *(column.tolist() for column in every.values()))
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _mean_of_classes(scores: Array) -> Array:
    """The mean over axis 1 of what is not -1, COCO's sign for a class that has no object of a size; NaN where all are."""
    held = scores >= 0
    with np.errstate(invalid="ignore"):
        return np.asarray((scores * held).sum(axis=1) / held.sum(axis=1))
