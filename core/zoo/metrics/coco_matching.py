"""COCO's matching of detections to objects, and average precision and recall of weighted images.

Images have weights, so that their evaluation without some of them is a matter of sums: matching stays within an image, and
is done once. With every weight one, the result is the score itself, equal to that of pycocotools.
Source: Lin et al. 2014, arXiv:1405.0312, in the form that pycocotools gave it: a detection takes, in order of score, the
object of largest overlap that is left; crowds and objects of another size are taken only if no other is, and neither they
nor detections on them count; of equal overlaps the later object is taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = (1, 10, 100)
"""Detections of one class in one image that count."""
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Smallest and largest area, both inclusive, in square pixels."""
WRONG, RIGHT, IGNORED = 0, 1, 2
_RANGES = np.array(list(AREAS.values()))
_CELLS = 250_000
"""Numbers of an array held at a time: 2 MB, which stays in a core's cache."""


@dataclass(frozen=True)
class Found:
    """Detections: image int [d], boxes float64 [d, 4] x1 y1 x2 y2, score float64 [d], label int [d]; in image order."""

    image: Array
    boxes: Array
    score: Array
    label: Array


@dataclass(frozen=True)
class Objects:
    """Annotated objects: image int [n], boxes float64 [n, 4], label int [n], crowd bool [n], area float64 [n]; in image order."""

    image: Array
    boxes: Array
    label: Array
    crowd: Array
    area: Array

    def counted(self) -> Array:
        """Whether an object counts among those of each size: bool [4, n]."""
        inside = (self.area >= _RANGES[:, :1]) & (self.area <= _RANGES[:, 1:])
        return np.asarray(inside & ~self.crowd)


@dataclass(frozen=True)
class Matches:
    """The best 100 detections of each class in each image: image, label, score, rank among these, each [d]; what each is at
    each size and threshold, WRONG, RIGHT or IGNORED, uint8 [4, 10, d]; whether it is itself of the size, bool [4, d]."""

    image: Array
    label: Array
    score: Array
    rank: Array
    outcome: Array
    inside: Array


def match(found: Found, objects: Objects) -> Matches:
    """Match every detection, at four sizes and ten thresholds at once."""
    images = 1 + max(found.image.max(initial=-1), objects.image.max(initial=-1))
    key = found.label * images + found.image
    order = np.lexsort((-found.score, key))
    starts = _starts(key[order])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    order, rank = order[rank < MOST[-1]], rank[rank < MOST[-1]]
    boxes = found.boxes[order]
    area = _area(boxes)
    inside = (area >= _RANGES[:, :1]) & (area <= _RANGES[:, 1:])
    outcome = np.where(inside, WRONG, IGNORED)[:, None].repeat(len(THRESHOLDS), axis=1).astype(np.uint8)
    by_key = np.argsort(objects.label * images + objects.image, kind="stable")
    theirs = Objects(*(getattr(objects, name)[by_key] for name in ("image", "boxes", "label", "crowd", "area")))
    for mine, other in _groups(key[order], theirs.label * images + theirs.image):
        _match_groups(mine, other, boxes, theirs, outcome)
    return Matches(found.image[order], found.label[order], found.score[order], rank, outcome, inside)


def _groups(mine: Array, other: Array) -> Iterator[tuple[Array, Array]]:
    """Positions of detections [g, d] and objects [g, n] of equal sorted keys, of about one size at a time, padded with -1."""
    keys = np.intersect1d(mine, other)
    first, last = np.searchsorted(mine, keys), np.searchsorted(mine, keys, side="right")
    begin, end = np.searchsorted(other, keys), np.searchsorted(other, keys, side="right")
    sizes = np.stack([_rounded_up(last - first), _rounded_up(end - begin)], axis=1)
    for d, n in np.unique(sizes, axis=0):
        alike = np.flatnonzero((sizes == (d, n)).all(axis=1))
        step = max(1, _CELLS // int(d * n + n * _RANGES.shape[0] * len(THRESHOLDS)))
        for start in range(0, len(alike), step):
            some = alike[start : start + step]
            yield _padded(first[some], last[some], d), _padded(begin[some], end[some], n)


def _match_groups(mine: Array, other: Array, boxes: Array, objects: Objects, outcome: Array) -> None:
    """Write the outcome of detections `mine` [g, d], which stand in order of score, among objects `other` [g, n]."""
    crowd = objects.crowd[other]
    overlap = _overlaps(boxes[mine], objects.boxes[other], crowd)
    overlap[np.broadcast_to((other < 0)[:, None], overlap.shape)] = -1
    overlap[mine < 0] = -1
    ignored = ~objects.counted()[:, other].transpose(1, 0, 2)  # [g, 4, n]
    taken = np.zeros((len(mine), len(_RANGES), len(THRESHOLDS), other.shape[1]), dtype=bool)
    for rank in range(mine.shape[1]):
        near = np.flatnonzero(overlap[:, rank].max(axis=1) >= THRESHOLDS[0])
        if not len(near):
            continue
        value = overlap[near, rank][:, None, None]
        free = (value >= THRESHOLDS[:, None]) & ~(taken[near] & ~crowd[near][:, None, None])
        counted = free & ~ignored[near][:, :, None]
        chosen = np.where(counted.any(axis=-1, keepdims=True), counted, free)
        best = other.shape[1] - 1 - np.where(chosen, value, -1)[..., ::-1].argmax(axis=-1)  # the last of equal ones
        hit = chosen.any(axis=-1)  # [near, 4, 10]
        group, size, threshold = np.nonzero(hit)
        taken[near[group], size, threshold, best[hit]] = True
        kind = np.where(ignored[near[group], size, best[hit]], IGNORED, RIGHT)
        outcome[size, threshold, mine[near[group], rank]] = kind


def weighted_scores(matches: Matches, objects: Objects, weights: Array, classes: int) -> tuple[Array, Array]:
    """Average precision [b, 10, 4] and average recall [b, 10, 4, 3] under b weightings of the images.

    `weights` [b, images]: how often each image counts; their type is that of the sums. Means over the classes that have an
    object of the size; NaN where none has.
    """
    curves = _Curves(matches, classes)
    size, held = np.nonzero(objects.counted())
    images = weights.shape[1]
    counts = _counts(size * classes + objects.label[held], objects.image[held], (4, classes), images)
    found = [curves.found(most, images) for most in MOST]
    step = max(1, _CELLS // max(1, len(matches.image), len(curves.place)))
    parts = []
    for start in range(0, len(weights), step):
        some = weights[start : start + step]
        totals = counts(some)
        present = (totals > 0).sum(axis=2)
        share = np.divide(1.0, present, out=np.full(present.shape, np.nan), where=present > 0)[:, None]
        recall = [(hits(some) / np.maximum(totals, 1)[:, None]).sum(axis=3) for hits in found]
        parts.append((curves.precision(some, totals) * share, np.stack(recall, axis=3) * share[..., None]))
    precision, recalls = (np.concatenate(part) for part in zip(*parts, strict=True))
    return precision, recalls


class _Curves:
    """Precision against recall of every threshold, size and class, at the detections that are right.

    Only a right detection raises precision. Wrong until there are all detections of the size itself, less those that matched
    something; so what is wrong need not be summed for every threshold.
    """

    def __init__(self, matches: Matches, classes: int) -> None:
        self.classes = classes
        order = np.lexsort((matches.image, -matches.score, matches.label))
        self.image, self.rank, label = matches.image[order], matches.rank[order], matches.label[order]
        self.inside, outcome = matches.inside[:, order], matches.outcome[..., order]
        counts = (outcome == RIGHT) | ((outcome == IGNORED) & self.inside[:, None])
        self.size, self.threshold, self.place = np.nonzero(counts)
        self.label = label[self.place]
        self.before = np.searchsorted(label, self.label)  # detections of all classes that stand before
        self.is_right = outcome[self.size, self.threshold, self.place] == RIGHT
        self.right = np.flatnonzero(self.is_right)
        self.own = self.inside[self.size, self.place]
        curve = (self.size * len(THRESHOLDS) + self.threshold) * classes + self.label
        self.starts, self.right_starts = _starts(curve), _starts(curve[self.right])

    def found(self, most: int, images: int) -> Callable[[Array], Array]:
        """Weights [b, images] to weighted right detections among the best `most`, [b, 10, 4, classes]."""
        kept = self.is_right & (self.rank[self.place] < most)
        cell = (self.threshold[kept] * 4 + self.size[kept]) * self.classes + self.label[kept]
        return _counts(cell, self.image[self.place[kept]], (len(THRESHOLDS), 4, self.classes), images)

    def precision(self, weights: Array, totals: Array) -> Array:
        """Average precision, summed over classes: [b, 10, 4]. `totals` [b, 4, classes] are the weighted objects."""
        weight = weights[:, self.image]
        event = weight[:, self.place]
        hits = _within(event * self.is_right, self.starts)[:, self.right]
        wrong = -_within(event * self.own, self.starts)[:, self.right]
        size, place, before = self.size[self.right], self.place[self.right], self.before[self.right]
        for i, inside in enumerate(self.inside):
            own, part = _running(weight * inside), slice(*np.searchsorted(size, (i, i + 1)))
            wrong[:, part] += own[:, place[part] + 1] - own[:, before[part]]
        recall = hits / np.maximum(totals, 1.0).astype(np.float64)[:, size, self.label[self.right]]
        areas = _areas(hits / np.maximum(hits + wrong, 1), recall, self.right_starts)
        summed = np.zeros((len(THRESHOLDS), 4, len(weights)))
        first = self.right[self.right_starts]
        np.add.at(summed, (self.threshold[first], self.size[first]), areas.T)
        return summed.transpose(2, 0, 1)


def _areas(precision: Array, recall: Array, starts: Array) -> Array:
    """Precision, the best at this recall or a higher one, summed over 101 recalls / 101: [b, curves] of curves that begin at
    `starts` among the points [b, n], in order of recall."""
    if not len(starts):
        return np.zeros((len(precision), 0))
    curve = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, precision.shape[1])))
    # From the last point back; each earlier curve lies one step higher, so that no maximum reaches across.
    lift = 2.0 * (len(starts) - curve)
    best = np.maximum.accumulate((precision + lift)[:, ::-1], axis=1)[:, ::-1] - lift
    reached = (recall * 100 + 1e-9).astype(np.int64)
    reached += RECALLS[reached] <= recall  # how many recalls are reached, by the very numbers that pycocotools compares
    gained = np.diff(reached, axis=1, prepend=0)
    gained[:, starts] = reached[:, starts]
    return np.asarray(np.add.reduceat(best * gained, starts, axis=1) / len(RECALLS))


def _counts(cell: Array, image: Array, shape: tuple[int, ...], images: int) -> Callable[[Array], Array]:
    """Weights [b, images] to the weighted number of each cell, [b, *shape], where every entry is of a cell and an image."""
    from scipy.sparse import csr_array

    matrix = csr_array((np.ones(len(cell)), (cell, image)), shape=(int(np.prod(shape)), images))
    return lambda weights: np.asarray(matrix @ weights.T).T.reshape(-1, *shape)


def _running(values: Array) -> Array:
    """Sums of the first 0, 1, ... n of each row, [b, n + 1]."""
    sums = np.zeros((len(values), values.shape[1] + 1), values.dtype)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _within(values: Array, starts: Array) -> Array:
    """Running sums [b, n] of rows that begin anew at each of `starts`. Exact, since the values are counts."""
    sums = _running(values)
    sizes = np.diff(np.append(starts, values.shape[1]))
    return np.asarray(sums[:, 1:] - np.repeat(sums[:, starts], sizes, axis=1))


def _overlaps(boxes: Array, others: Array, crowd: Array) -> Array:
    """Intersection over union, [g, d, n], of boxes [g, d, 4] and [g, n, 4]; over the box's own area where it is a crowd."""
    low = np.maximum(boxes[:, :, None, :2], others[:, None, :, :2])
    high = np.minimum(boxes[:, :, None, 2:], others[:, None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    own, their = _area(boxes)[:, :, None], _area(others)[:, None]
    return np.asarray(common / np.maximum(np.where(crowd[:, None], own, own + their - common), 1e-300))


def _area(boxes: Array) -> Array:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))


def _starts(sorted_keys: Array) -> Array:
    return np.flatnonzero(np.diff(sorted_keys, prepend=sorted_keys[:1] - 1))


def _rounded_up(counts: Array) -> Array:
    """The next power of two."""
    return np.asarray(2 ** np.ceil(np.log2(counts)), dtype=np.int64)


def _padded(first: Array, last: Array, width: int) -> Array:
    positions = first[:, None] + np.arange(width)
    return np.where(positions < last[:, None], positions, -1)
