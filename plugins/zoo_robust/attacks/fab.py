"""FAB: steps to the boundary of the linearised victim, drawn towards the clean image, for the smallest change that fools."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Norm, Threat, Victim, margins
from zoo_robust.attacks.balls import ball, nested
from zoo_robust.attacks.fight import Fight, cut
from zoo_robust.attacks.hyperplanes import to_hyperplane
from zoo_robust.attacks.losses import targets_of

BIAS = 0.1
"""α_max: the largest share of a step that is one from the clean image."""
OVERSHOOT = 1.05
"""η: how many times as far as the boundary a step goes."""
BACK = 0.9
"""β: where an image fools, the search goes on at this share of the way to it from the clean one."""
RADIUS = {"linf": 0.3, "l2": 1.0}
"""Of the balls whose inner half random starts are drawn from, where no eps is given."""

Boundary = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From images of those that stand to how far they are from being fooled, in logits [b], and the slope towards it [b, c, h, w]."""


class Fab(Frozen):
    """To the nearest class. Source: Croce & Hein 2020, Minimally distorted adversarial examples, arXiv:1907.02044, algorithm 1.

    It looks for the smallest perturbation, whatever eps is. Held to an eps, it is done with a sample that fools within it.
    """

    iterative: ClassVar[bool] = True

    steps: int = Field(default=100, ge=1, description="Linearisations of each start.")
    restarts: int = Field(default=1, ge=1, description="Starts: the first is the clean image, the others are random.")
    smallest: bool = Field(default=True, description="Whether the smallest perturbation is looked for; else one within eps.")

    @property
    def bounded(self) -> bool:
        """Whether a run holds it to eps."""
        return not self.smallest

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight, search = Fight(victim, inputs, labels, seeds), Search(inputs, threat)
        for restart in range(self.restarts):
            search.descend(fight, lambda images: _to_nearest(fight, images, threat.norm), self.steps, restart)
        return search.result(fight)


class FabTargeted(Fab):
    """Towards one likely class after another, which takes one gradient a step. Source: Croce & Hein 2020, arXiv:2003.01690, 5."""

    targets: int = Field(default=9, ge=1, description="Likeliest wrong classes, each of which is aimed at in turn.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        fight, search = Fight(victim, inputs, labels, seeds), Search(inputs, threat)
        for aimed in targets_of(fight.logits(inputs), labels, self.targets).unbind(1):

            def boundary(images: Tensor, aimed: Tensor = aimed) -> tuple[Tensor, Tensor]:
                rows, own = aimed[fight.rows, None], fight.labels[:, None]
                _, lead, slope = fight.ascend(images, lambda z: (z.gather(1, rows) - z.gather(1, own)).squeeze(1))
                return -lead, slope

            for restart in range(self.restarts):
                search.descend(fight, boundary, self.steps, restart)
        return search.result(fight)


class Search:
    """The closest image of each sample that fools the victim, over all starts."""

    def __init__(self, clean: Tensor, threat: Threat) -> None:
        self.threat = threat
        self._closest = clean.clone()
        self._distance = clean.new_full((len(clean),), float("inf"))

    def descend(self, fight: Fight, boundary: Boundary, steps: int, restart: int) -> None:
        """One start. Who is fooled within eps, if there is one, falls."""
        x = self._start(fight, restart)
        for _ in range(steps):
            if not len(fight):
                return
            gap, slope = boundary(x)
            x = step(x, fight.clean, gap, slope, self.threat)
            logits = fight.logits(x)
            fools = margins(logits, fight.labels) <= 0
            if bool(fools.any()):
                stand = self._note(fight, x, logits, fools)
                x, fools = cut(stand, x, fools)
                x = torch.where(fools.view(-1, 1, 1, 1), fight.clean + BACK * (x - fight.clean), x)

    def result(self, fight: Fight) -> Attacked:
        return fight.attacked(self._closest[fight.rows] if self.threat.eps is None else None)

    def _start(self, fight: Fight, restart: int) -> Tensor:
        if not restart:
            return fight.clean
        radius = RADIUS[self.threat.norm] if self.threat.eps is None else self.threat.eps
        return ball(fight.clean, replace(self.threat, eps=radius / 2)).start(nested(fight.seeds, restart))

    def _note(self, fight: Fight, x: Tensor, logits: Tensor, fools: Tensor) -> Tensor:
        """Keep what is closer than anything before. Returns which of them stand."""
        distance = length((x - fight.clean).flatten(1), self.threat.norm).squeeze(1)
        closer = fools & (distance < self._distance[fight.rows])
        self._closest[fight.rows[closer]], self._distance[fight.rows[closer]] = x[closer], distance[closer]
        if self.threat.eps is None:
            return torch.ones_like(fools)
        return fight.fall(x, logits, distance <= self.threat.eps)


def step(x: Tensor, clean: Tensor, gap: Tensor, slope: Tensor, threat: Threat) -> Tensor:
    """From x, and to a small share from the clean image, beyond the boundary of the linearised victim (eq. 7 and 8)."""
    here, origin, slopes = x.flatten(1), clean.flatten(1), slope.flatten(1)
    ahead = to_hyperplane(here, slopes, gap, threat.norm)
    anew = to_hyperplane(origin, slopes, gap + (slopes * (here - origin)).sum(1), threat.norm)
    long, other = length(ahead, threat.norm).clamp_min(1e-8), length(anew, threat.norm).clamp_min(1e-8)
    share = (long / (long + other)).clamp_max(BIAS)
    moved = (1 - share) * (here + OVERSHOOT * ahead) + share * (origin + OVERSHOOT * anew)
    return moved.clamp(threat.low, threat.high).view_as(x)


def length(changes: Tensor, norm: Norm) -> Tensor:
    """Norm of each row, [b, 1]."""
    norms: Tensor = torch.linalg.vector_norm(changes, float("inf") if norm == "linf" else 2, dim=1, keepdim=True)
    return norms


def _to_nearest(fight: Fight, images: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """The boundary that is nearest in the linearised victim: of every class but the true one its distance is |gap| / ‖slope‖*."""
    images = images.detach().requires_grad_()
    logits = fight.victim(images)
    others = targets_of(logits.detach(), fight.labels, logits.shape[1])
    gaps = (logits.gather(1, fight.labels[:, None]) - logits.gather(1, others)).unbind(1)
    nearest, gap, slope = torch.full_like(gaps[0], float("inf")).detach(), gaps[0].detach(), torch.zeros_like(images)
    for k, candidate in enumerate(gaps):
        (falling,) = torch.autograd.grad(candidate.sum(), images, retain_graph=k + 1 < len(gaps))
        dual = torch.linalg.vector_norm(falling.flatten(1), 1 if norm == "linf" else 2, dim=1)
        distance = candidate.detach().abs() / (dual + 1e-12)
        nearer = distance < nearest
        nearest, gap = torch.where(nearer, distance, nearest), torch.where(nearer, candidate.detach(), gap)
        slope = torch.where(nearer.view(-1, 1, 1, 1), -falling, slope)
    fight.count_gradients(len(gaps), slope, logits.detach())
    return gap, slope.detach()
