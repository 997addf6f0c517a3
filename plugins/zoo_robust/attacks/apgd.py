"""APGD: gradient ascent with momentum that halves its own step size and goes back to the best image when it stalls."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.balls import ball, nested
from zoo_robust.attacks.fight import Fight, cut
from zoo_robust.attacks.losses import Loss, dlr, say_if_few, targeted_dlr, targets_of

MOMENTUM = 0.75
"""α of eq. 1: the share of the new step; the rest goes on as the last one went."""
RISING = 0.75
"""ρ of condition 1: the share of steps since the last checkpoint that must have raised the loss."""


class Apgd(Frozen):
    """On the cross-entropy. Source: Croce & Hein 2020, algorithm 1, with the constants of section 3.1."""

    iterative: ClassVar[bool] = True

    steps: int = Field(default=100, ge=1, description="Gradient steps of each start.")
    restarts: int = Field(default=1, ge=1, description="Random starts; the first that fools the victim is taken.")
    eot: int = Field(default=1, ge=1, description="Draws of a random victim over which each gradient is averaged.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds)
        images = inputs
        for restart in range(self.restarts):
            images = self._climb(fight, threat, nested(fight.seeds, restart), self._loss(fight))
            if not len(fight):
                break
        return fight.attacked(images)

    def _loss(self, fight: Fight) -> Loss | None:
        return None

    def _climb(self, fight: Fight, threat: Threat, seeds: Sequence[int], climbed: Loss | None) -> Tensor:
        """One start. Returns the best images of those that stand."""
        allowed = ball(fight.clean, threat)
        x = allowed.start(seeds)
        logits, loss, gradient = fight.ascend(x, climbed, self.eot)
        stand = fight.fall(x, logits)
        x, loss, gradient = cut(stand, x, loss, gradient)
        allowed = allowed.keep(stand)
        before, best, best_gradient, best_loss, checked_loss = x, x, gradient, loss, loss
        step = torch.full_like(loss, 2 * allowed.eps)
        halved, rises = torch.ones_like(loss, dtype=torch.bool), torch.zeros_like(loss)
        last, marks = 0, checkpoints(self.steps)
        for k in range(1, self.steps + 1):
            if not len(fight):
                break
            ahead = allowed.project(x + step.view(-1, 1, 1, 1) * allowed.steepest(gradient))
            alpha = MOMENTUM if k > 1 else 1.0
            x, before = allowed.project(x + alpha * (ahead - x) + (1 - alpha) * (x - before)), x
            logits, new_loss, gradient = fight.ascend(x, climbed, self.eot)
            rises += new_loss > loss
            better = new_loss > best_loss
            best, best_gradient = _where(better, x, best), _where(better, gradient, best_gradient)
            best_loss, loss = torch.where(better, new_loss, best_loss), new_loss
            if k in marks:
                stalled = (rises < RISING * (k - last)) | (~halved & (best_loss <= checked_loss))
                step = torch.where(stalled, step / 2, step)
                halved, checked_loss, rises, last = stalled, best_loss, torch.zeros_like(rises), k
                turned, gradient = _where(stalled, best, x), _where(stalled, best_gradient, gradient)
            else:
                turned = x
            stand = fight.fall(x, logits)
            x = turned
            if not stand.all():
                allowed = allowed.keep(stand)
                x, before, best, gradient, best_gradient = cut(stand, x, before, best, gradient, best_gradient)
                loss, best_loss, checked_loss, step = cut(stand, loss, best_loss, checked_loss, step)
                halved, rises = cut(stand, halved, rises)
        return best


class ApgdDlr(Apgd):
    """On the difference of logits ratio, which no scale of the logits makes vanish. Source: Croce & Hein 2020, section 4."""

    def _loss(self, fight: Fight) -> Loss:
        say_if_few(fight.victim, "untargeted")
        return lambda logits: dlr(logits, fight.labels)


class ApgdTargeted(Apgd):
    """On the targeted difference of logits ratio, towards one likely class after another. Source: Croce & Hein 2020, eq. 7."""

    targets: int = Field(default=9, ge=1, description="Likeliest wrong classes, each of which is aimed at in turn.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight = Fight(victim, inputs, labels, seeds)
        images = inputs
        targets = targets_of(fight.logits(inputs), labels, self.targets)
        say_if_few(victim, "targeted")
        for start in range(self.restarts * targets.shape[1]):
            aimed = targets[:, start // self.restarts]

            def towards(logits: Tensor, aimed: Tensor = aimed) -> Tensor:
                return targeted_dlr(logits, fight.labels, aimed[fight.rows])

            images = self._climb(fight, threat, nested(fight.seeds, start), towards)
            if not len(fight):
                break
        return fight.attacked(images)


def checkpoints(steps: int) -> set[int]:
    """The steps w₁, w₂, … after which progress is judged: at 22 % of the way, and at ever shorter intervals, 6 % at least."""
    before, share, found = 0.0, 0.22, set()
    while share <= 1:
        found.add(math.ceil(round(share * steps, 6)))
        before, share = share, share + max(share - before - 0.03, 0.06)
    return found


def _where(mask: Tensor, images: Tensor, others: Tensor) -> Tensor:
    return torch.where(mask.view(-1, 1, 1, 1), images, others)
