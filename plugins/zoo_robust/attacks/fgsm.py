"""FGSM: one step along the gradient of the loss, to the border of the ball."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.balls import ball
from zoo_robust.attacks.fight import Fight


class Fgsm(Frozen):
    """x + eps · sign(∇ₓ loss). Source: Goodfellow et al. 2015, section 4; under L2 the gradient itself, at length eps.

    Where the logits are affine in x and there are two classes, nothing in the L∞ ball is worse for the victim.
    """

    iterative: ClassVar[bool] = False

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds)
        allowed = ball(inputs, threat)
        _, _, gradient = fight.ascend(inputs)
        return fight.attacked(allowed.project(inputs + allowed.eps * allowed.steepest(gradient)))
