"""generate: an image or a text, from nothing or from a condition. Types and protocol; nothing runs it yet.

Input: the condition (a noisy or low-resolution image, a prompt, a class), None where there is none.
Target: the reference image or text where there is one. Prediction: an image [c, h, w] in [0, 1] or a text, and, where the
model has it, a log-likelihood or its bound in nats.
Stored: `image` binary (PNG, or float32 where the protocol says so), `text` string, `features` list<float32> where a
feature extractor is bound as `aux["features"]`, `nll` float64 in nats with `tokens`, `characters` and `bytes` int64.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Generator(Protocol):
    """What a model of this task does."""

    def __call__(self, conditions: Sequence[Any], seeds: Sequence[int], /) -> "Sequence[Tensor] | Sequence[str]":
        """One output per condition; all randomness of sample i comes from seeds[i]."""


class Likelihood(Protocol):
    """What a generator that knows its density, or a bound of it, does besides."""

    def log_likelihood(self, samples: Sequence[Any], seeds: Sequence[int], /) -> "Tensor":
        """Log-likelihood, or a lower bound of it, of each sample, in nats: float64 [b]."""
