"""How far two arrays of predictions are apart, on one scale for all tasks: 0 equal, 1 as different as can be."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SMALL = 0.1
"""Values whose largest is below it are compared absolutely: what cancels out to almost nothing has rounding of its own."""


def apart(first: "np.ndarray[Any, Any]", second: "np.ndarray[Any, Any]") -> float:
    """Of floating-point numbers the largest absolute difference, as a share of the largest absolute value.

    Of pictures (uint8) the mean over pixels, of 255; of all else, and of what differs in shape, whether it differs.
    """
    import numpy as np

    a, b = np.asarray(first), np.asarray(second)
    if a.dtype == object and a.shape == b.shape:
        return max((apart(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True)), default=0.0)
    if a.shape != b.shape:
        return 1.0
    if not a.size:
        return 0.0
    if a.dtype == np.uint8:
        return float(np.abs(a.astype(int) - b.astype(int)).mean() / 255)
    if np.issubdtype(a.dtype, np.floating):
        same = a == b  # infinities of the same sign too
        gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
        scale = max(SMALL, float(np.abs(a[np.isfinite(a)]).max(initial=0.0)), float(np.abs(b[np.isfinite(b)]).max(initial=0.0)))
        return float(min(1.0, gap.max() / scale))
    return float((a != b).any())


def share_apart(first: "np.ndarray[Any, Any]", second: "np.ndarray[Any, Any]") -> float:
    """The share of pixels whose labels differ, over label maps uint8, object [n]; the largest over the maps."""
    return max((float((a != b).mean()) if a.shape == b.shape else 1.0 for a, b in zip(first, second, strict=True)), default=0.0)


def boxes_apart(first: "np.ndarray[Any, Any]", second: "np.ndarray[Any, Any]") -> float:
    """How far detections float64 [k, 6] (x1 y1 x2 y2 score label) of an image are apart, weighted by score.

    Of every box the distance is that of its score to the score of the best box of its label, plus what their intersection over
    union lacks; the median over boxes counts, since rounding alone may let suppression take the other of two twins.
    """
    import numpy as np

    distances, weights = [], []
    for boxes, others in ((first, second), (second, first)):
        for box in boxes:
            same = others[others[:, 5] == box[5]]
            closest = min(
                (2 - 2 * iou + abs(other[4] - box[4]) for other, iou in zip(same, _ious(box, same), strict=True)), default=1.0
            )
            distances.append(min(1.0, closest))
            weights.append(box[4])
    if not distances or not sum(weights):
        return 0.0
    order = np.argsort(distances)
    cumulated = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(distances)[order][np.searchsorted(cumulated, cumulated[-1] / 2)])


def _ious(box: "np.ndarray[Any, Any]", others: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    sides = np.minimum(box[2:4], others[:, 2:4]) - np.maximum(box[:2], others[:, :2])
    shared = sides.clip(min=0).prod(axis=1)
    areas = [np.prod(boxes[..., 2:4] - boxes[..., :2], axis=-1) for boxes in (box, others)]
    union = areas[0] + areas[1] - shared
    return np.asarray(np.where(union > 0, shared / np.where(union > 0, union, 1), (others[:, :4] == box[:4]).all(axis=1)))
