"""embed: one vector for an image or a text. Types and protocol; nothing runs it yet.

Target: `Place` of a sample in retrieval, verification or one-shot episodes. Prediction: float32 [d].
Stored: `vector` list<float32>, `label` int32, `role` and `episode` string. Retrieval is a corpus metric: its state
gathers rows and is merged in id order.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Place:
    """`label` of the sample, whether it is asked for, asked with, or both, and in which episode ("" where there is one)."""

    label: int
    role: Literal["query", "gallery", "both"] = "both"
    episode: str = ""


class Embedder(Protocol):
    """What a model of this task does."""

    def __call__(self, inputs: Any, /) -> "Tensor":
        """Vectors [b, d] for a batch of images [b, c, h, w] in [0, 1] or of b strings; the core compares by cosine."""
