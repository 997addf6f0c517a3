"""What gradient attacks climb: losses of logits that are large where the victim is wrong."""

from collections.abc import Callable

from torch import Tensor

from zoo.remarks import remark
from zoo.tasks import Victim

Loss = Callable[[Tensor], Tensor]
"""From logits [b, C] of those that stand to what is climbed, [b]."""
TINY = 1e-12
FEWEST = {"untargeted": 3, "targeted": 4}
"""Classes that the difference of logits ratio needs."""


def dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """Difference of logits ratio -(z_y - max_{i≠y} zᵢ) / (z_π1 - z_π3), π sorting the logits downwards; [b].

    Neither a shift nor a positive factor of the logits changes it, so that it does not vanish where the victim is sure.
    With two classes there is no third logit, and it is the mere difference.
    Source: Croce & Hein 2020, arXiv:2003.01690, eq. 6; parity: pyautoattack `APGDAttack.dlr_loss`.
    """
    others = logits.scatter(1, labels[:, None], -float("inf")).amax(1)
    gap = others - _of(logits, labels)
    if logits.shape[1] < FEWEST["untargeted"]:
        return gap
    largest = logits.topk(3, dim=1).values
    return gap / (largest[:, 0] - largest[:, 2] + TINY)


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """-(z_y - z_t) / (z_π1 - (z_π3 + z_π4) / 2), [b]: towards one class t.

    With three classes there is no fourth logit, and the scale is that of `dlr`; with two it is the mere difference.
    Source: Croce & Hein 2020, eq. 7; parity: pyautoattack `APGDAttack_targeted.dlr_loss_targeted`.
    """
    gap, classes = _of(logits, targets) - _of(logits, labels), logits.shape[1]
    if classes < FEWEST["untargeted"]:
        return gap
    largest = logits.topk(min(4, classes), dim=1).values
    return gap / (largest[:, 0] - largest[:, 2:].mean(1) + TINY)


def targets_of(logits: Tensor, labels: Tensor, most: int) -> Tensor:
    """The `most` classes that a victim finds likeliest after the true one, or all others, in this order: int64 [b, k]."""
    others = logits.scatter(1, labels[:, None], -float("inf")).argsort(1, descending=True)
    return others[:, : min(most, logits.shape[1] - 1)]


def say_if_few(victim: Victim, kind: str) -> None:
    """Remark where a victim has fewer classes than a loss needs, and what is taken instead."""
    classes = victim.outputs.width
    if classes < FEWEST[kind]:
        instead = "the scale is that of the untargeted one" if classes == 3 else "the mere difference of logits is climbed"
        remark(f"{victim.name} has {classes} classes, and the {kind} DLR loss needs {FEWEST[kind]}: {instead}")


def _of(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.gather(1, classes[:, None]).squeeze(1)
