"""The COCO evaluation of gathered detections: the scores, and what they are without some of the images, for intervals."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.metrics.base import State
from zoo.metrics.coco_matching import Found, Matches, Objects, match, weighted_scores
from zoo.metrics.intervals import without_each
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]

EDGE = 1.0
"""Pixels by which a detection may reach beyond its image without being called odd."""


@dataclass(frozen=True)
class Evaluation:
    """Average precision [10 thresholds, 4 sizes] and recall [10, 4, 3 numbers of detections], NaN where no object is of a
    size; and each of them without one image, or one group of images, a row, along a first axis."""

    precision: Array
    recall: Array
    precision_without: Array
    recall_without: Array


def gathered(rows: Rows) -> State:
    """`boxes` float64 [d, 6] x1 y1 x2 y2 score label, `objects` float64 [n, 7] x1 y1 x2 y2 label crowd area, how many of
    each an image has, `box_counts` and `object_counts` int64 [images], and `odd` int64 [images, 2]: detections of no area, and
    those that reach beyond the image."""
    boxes, objects = rows.columns["boxes"], rows.columns["objects"]
    sizes = zip(rows.columns["width"], rows.columns["height"], strict=True)
    odd = [_odd(found, *size) for found, size in zip(boxes, sizes, strict=True)]
    return {
        "boxes": np.concatenate([np.empty((0, 6)), *boxes]),
        "objects": np.concatenate([np.empty((0, 7)), *objects]),
        "box_counts": np.array([len(row) for row in boxes], dtype=np.int64),
        "object_counts": np.array([len(row) for row in objects], dtype=np.int64),
        "odd": np.array(odd, dtype=np.int64).reshape(-1, 2),
    }


def _odd(boxes: Array, width: int, height: int) -> tuple[int, int]:
    low, high = boxes[:, :2], boxes[:, 2:4]
    beyond = (low < -EDGE) | (high > np.array([width, height]) + EDGE)
    return int((high <= low).any(axis=1).sum()), int(beyond.any(axis=1).sum())


_LAST: dict[str, Evaluation] = {}


def evaluated(state: State, classes: int) -> Evaluation:
    """The evaluation of a merged state; that of the last one is kept, since every COCO score is read off the same."""
    key = _digest(state, str(classes))
    if key not in _LAST:
        evaluation = _evaluate(state, classes)
        _LAST.clear()
        _LAST[key] = evaluation
    return _LAST[key]


def _evaluate(state: State, classes: int) -> Evaluation:
    images = len(state["object_counts"])
    found, objects = unpacked(state)
    matches = match(found, objects)
    precision, recall = weighted_scores(matches, objects, np.ones((1, images)), classes)
    return Evaluation(precision[0], recall[0], *weighted_scores(matches, objects, without_each(images), classes))


def weighted(state: State, weights: Array, classes: int) -> tuple[Array, Array]:
    """Average precision [b, 10, 4] and recall [b, 10, 4, 3] of b samples of the images, each taken `weights` [b, n] times."""
    matches, objects = _matched(state)
    return weighted_scores(matches, objects, weights, classes)


def each_alone(state: State, classes: int) -> tuple[Array, Array]:
    """The same of each image by itself, [n, ...]."""
    count = len(state["object_counts"])
    boxes, objects = np.cumsum([0, *state["box_counts"]]), np.cumsum([0, *state["object_counts"]])
    found = []
    for i in range(count):
        own = {
            "boxes": state["boxes"][boxes[i] : boxes[i + 1]],
            "objects": state["objects"][objects[i] : objects[i + 1]],
            "box_counts": state["box_counts"][i : i + 1],
            "object_counts": state["object_counts"][i : i + 1],
        }
        found.append(weighted_scores(*_match(own), np.ones((1, 1)), classes))
    precision, recall = zip(*found, strict=True)
    return np.concatenate(precision), np.concatenate(recall)


_MATCHED: dict[str, tuple[Matches, Objects]] = {}


def _matched(state: State) -> tuple[Matches, Objects]:
    """Detections matched to objects; those of the last state are kept, since resampling asks for them again and again."""
    key = _digest(state)
    if key not in _MATCHED:
        matched = _match(state)
        _MATCHED.clear()
        _MATCHED[key] = matched
    return _MATCHED[key]


def _match(state: State) -> tuple[Matches, Objects]:
    found, objects = unpacked(state)
    return match(found, objects), objects


def _digest(state: State, about: str = "") -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(state):
        digest.update(np.ascontiguousarray(state[name]).data)
    return digest.hexdigest()


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
