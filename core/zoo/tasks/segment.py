"""segment: a class for every pixel, or a soft map of binary structure such as edges. Types and protocol; nothing runs it yet.

Target: a label map uint8 [h, w], `ignore` where the annotator left a pixel out; for edges, one boundary map per annotator.
Prediction: a label map uint8 [h, w], or a soft map float32 [h, w] in [0, 1].
Stored: `map` binary, PNG of the label map or of the soft map in 256 steps; the target is read again by id.
Intersections and unions are summed over shards and divided once, so a metric's state is a confusion matrix.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Segmenter(Protocol):
    """What a model of this task does."""

    def __call__(self, images: "Tensor", /) -> "Tensor":
        """Logits [b, classes of the model, h', w'] for images [b, 3, h, w] in [0, 1]; [b, 1, h, w] for a soft map.

        The core resizes logits to the label's own resolution before it takes the largest.
        """
