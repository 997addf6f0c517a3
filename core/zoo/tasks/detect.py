"""detect: the objects of an image, each with a box, a class and a score. Types and protocol; nothing runs it yet.

Target: `Boxes` of the annotators. Prediction: `Boxes` with scores, in the original image's pixels.
Stored: `boxes` list<struct{x1, y1, x2, y2, score: float32, label: int32}> for both, `crowd` list<bool> for the target.
A row is a sample, so average precision is a corpus metric that gathers rows and merges them in id order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Boxes:
    """n boxes of one image.

    `boxes` float32 [n, 4], x1 y1 x2 y2 in absolute pixels with x1 < x2 and y1 < y2; `labels` int64 [n], indices of the
    dataset's classes; `scores` float32 [n] in [0, 1], None in a target; `crowd` bool [n], None in a prediction.
    """

    boxes: "Tensor"
    labels: "Tensor"
    scores: "Tensor | None" = None
    crowd: "Tensor | None" = None


class Detector(Protocol):
    """What a model of this task does."""

    def __call__(self, images: "Sequence[Tensor]", /) -> Sequence[Boxes]:
        """Boxes of each image [3, h, w], float32 in [0, 1], in that image's pixels and the model's class indices."""
