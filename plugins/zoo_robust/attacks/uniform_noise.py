"""Uniform noise: images drawn evenly from the ball. What falls to it needed no adversary."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.balls import ball, nested
from zoo_robust.attacks.fight import Fight


class UniformNoise(Frozen):
    """Source: Fawzi et al. 2016, who show that a random direction must be about sqrt(d) times as long as an adversarial one."""

    iterative: ClassVar[bool] = False

    draws: int = Field(default=1, ge=1, description="Images tried; the first that fools the victim is taken.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds)
        for draw in range(self.draws):
            images = ball(fight.clean, threat).start(nested(fight.seeds, draw))
            stand = fight.fall(images, fight.logits(images))
            if not len(fight):
                break
        return fight.attacked(images[stand])
