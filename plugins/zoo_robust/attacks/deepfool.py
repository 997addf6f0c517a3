"""DeepFool: to the nearest decision boundary of the victim's linearisation, again and again until it is crossed."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Norm, Threat, Victim
from zoo_robust.attacks.balls import euclidean
from zoo_robust.attacks.fight import Fight, cut

ROUNDING = 1e-5
"""Of the largest logit: how far beyond the boundary a step aims, since in float32 one to the boundary itself
may never cross it."""


class DeepFool(Frozen):
    """Source: Moosavi-Dezfooli et al. 2016, algorithm 2; eq. 10 and 11 for L∞.

    With classes k and the true one y, let f = logitₖ - logit_y and w = ∇ₓ f. Linearised, the boundary to k is at distance
    |f| / ‖w‖ in the dual norm, and the nearest one is stepped to. Where two classes are affine in x, one step is exact.
    It keeps to no eps: it looks for the smallest perturbation.
    """

    bounded: ClassVar[bool] = False
    iterative: ClassVar[bool] = True

    steps: int = Field(default=50, ge=1, description="Linearisations at most.")
    overshoot: float = Field(
        default=0.02, ge=0, description="Share by which the perturbation is lengthened, to cross the boundary."
    )
    candidates: int = Field(default=10, ge=2, description="Classes of the largest logits that are looked at, with the true one.")
    clip: bool = Field(default=True, description="Whether pixels are kept in [0, 1]; a run demands it.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds, minimal=True)
        images, moved = inputs, torch.zeros_like(inputs)
        for _ in range(self.steps):
            logits, step = self._to_nearest(fight, images, threat.norm)
            stand = fight.fall(images, logits)
            images, moved, step = cut(stand, images, moved, step)
            if not len(fight):
                return fight.attacked()
            clean, moved = fight.clean, moved + step
            if self.clip:  # what is cut off leads nowhere, and must not add up
                moved = (clean + moved).clamp(threat.low, threat.high) - clean
            images = clean + (1 + self.overshoot) * moved
            images = images.clamp(threat.low, threat.high) if self.clip else images
        return fight.attacked(images)

    def _to_nearest(self, fight: Fight, images: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
        """Logits, and the smallest step that reaches a boundary of the linearised victim."""
        images = images.detach().requires_grad_()
        logits = fight.victim(images)
        own = logits.gather(1, fight.labels[:, None])
        others = logits.detach().scatter(1, fight.labels[:, None], -float("inf")).argsort(1, descending=True)
        count = min(self.candidates, logits.shape[1]) - 1
        beyond = ROUNDING * logits.detach().abs().amax(1)
        gaps = (logits.gather(1, others[:, :count]) - own).unbind(1)
        nearest = torch.full_like(gaps[0], float("inf")).detach()
        step = torch.zeros_like(images)
        for k, gap in enumerate(gaps):
            (slope,) = torch.autograd.grad(gap.sum(), images, retain_graph=k + 1 < count)
            distance, towards = _reach(gap.detach().abs() + beyond, slope, norm)
            nearer = distance < nearest
            nearest = torch.where(nearer, distance, nearest)
            step = torch.where(nearer.view(-1, 1, 1, 1), towards, step)
        fight.count_gradients(count, step, logits.detach())
        return logits.detach(), step


def _reach(gap: Tensor, slope: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Distance [b] to where an affine function is 0 that is `gap` [b] below it and has this slope, and the step there."""
    if norm == "l2":
        length = euclidean(slope).clamp_min(1e-30)
        unit = slope / length  # 0 where the slope is, which leads nowhere
        return gap / length.flatten(), gap.view(-1, 1, 1, 1) / length * unit
    distance = gap / slope.flatten(1).abs().sum(1).clamp_min(1e-30)
    return distance, distance.view(-1, 1, 1, 1) * slope.sign()
