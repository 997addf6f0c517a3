"""PGD: many small steps of gradient ascent on the loss, each followed by a projection into the ball; from random starts."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Ratio, Threat, Victim, check_length
from zoo_robust.attacks.balls import ball, nested
from zoo_robust.attacks.fight import Fight, cut


class Pgd(Frozen):
    """xₜ₊₁ = project(xₜ + step · steepest(∇ₓ loss)). Source: Madry et al. 2018, section 2.1.

    `steepest` is the gradient's sign under L∞, the gradient at length 1 under L2.
    """

    iterative: ClassVar[bool] = True

    steps: int = Field(default=20, ge=1, description="Gradient steps of each start.")
    step_size: Ratio | None = Field(default=None, gt=0, description="Length of a step, such as 2/255. Default: 2.5 eps / steps.")
    restarts: int = Field(default=1, ge=1, description="Random starts; the first that fools the victim is taken.")
    random_start: bool = Field(default=True, description="Whether the first start, too, is random; else it is the clean image.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds)
        if self.step_size is not None:
            check_length("step_size", self.step_size, threat.norm, threat, inputs.shape[1:])
        for restart in range(self.restarts):
            allowed = ball(fight.clean, threat)
            random = self.random_start or restart > 0
            images = allowed.start(nested(fight.seeds, restart)) if random else fight.clean
            step = self.step_size or 2.5 * allowed.eps / self.steps
            for _ in range(self.steps):
                logits, _, gradient = fight.ascend(images)
                stand = fight.fall(images, logits)
                if not stand.all():
                    images, gradient = cut(stand, images, gradient)
                    allowed = allowed.keep(stand)
                if not len(fight):
                    return fight.attacked()
                images = allowed.project(images + step * allowed.steepest(gradient))
            if restart + 1 < self.restarts:  # whether the very last image fools the victim, the core finds out
                stand = fight.fall(images, fight.logits(images))
                (images,) = cut(stand, images)
            if not len(fight):
                break
        return fight.attacked(images)
