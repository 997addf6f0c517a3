"""attack: an input that a victim gets wrong, within a bound. Types and protocol; nothing runs it yet.

Target: int, the true class. Prediction: an adversarial input of the clean one's shape, in [0, 1] and within the bound.
Stored: `clean` and `adversarial` logits list<float32> (both computed by the core), `norm` float64, `forwards` and
`gradients` int64, `target` int32. The victim is the task's `aux["victim"]`, bound before the run and part of its key.
A sample that the victim gets wrong anyway stays in the denominator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.tasks.classify import Classifier


@dataclass(frozen=True)
class Threat:
    """What the attacker may do: stay within `eps` of the clean input in `norm`. `eps` None: no bound of its own."""

    norm: Literal["linf", "l2"]
    eps: float | None


@dataclass(frozen=True)
class Attacked:
    """Adversarial inputs [b, ...] and, per sample, the evaluations they took."""

    inputs: "Tensor"
    forwards: Sequence[int]
    gradients: Sequence[int]


class Attack(Protocol):
    """What a model of this task does. Gradients are on; the victim is in `eval` mode and normalises inside."""

    def __call__(
        self, victim: "Classifier", inputs: "Tensor", labels: "Tensor", threat: Threat, seeds: Sequence[int], /
    ) -> Attacked:
        """Adversarial inputs for clean ones in [0, 1]; all randomness of sample i comes from seeds[i]."""
