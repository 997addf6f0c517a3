"""One attack after another on those that still stand, each from the clean image: the worst case of each sample."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.tasks import TOLERANCE, Attacked, Attacker, Threat, Victim, margins, perturbation_norms


class Stage(NamedTuple):
    """An attack under a name. Its attribute `iterative` says whether it follows gradients so far that nothing simpler should
    find more; of an attack without one that is not known."""

    name: str
    attack: Attacker


def in_sequence(
    stages: Sequence[Stage], victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int]
) -> Attacked:
    """Who falls to a stage within the bound, leaves. Source: Croce & Hein 2020, section 5.

    Who withstands an iterative stage and falls to one that is not shows a sign of gradient masking (Athalye et al. 2018, section
    3.1) and is `overtaken`. So the simpler ones come last. Against a surrogate nobody is seen to fall: every stage meets all, and
    of each sample the input of the least margin is taken.
    """
    transfer = getattr(victim, "transfer", False)
    found, standing = inputs.clone(), torch.arange(len(inputs), device=inputs.device)
    forwards, gradients, felled_by = (torch.zeros_like(standing) for _ in range(3))
    masked, overtaken = (torch.zeros_like(standing, dtype=torch.bool) for _ in range(2))
    least = torch.full((len(inputs),), float("inf"), device=inputs.device)
    felled_by -= 1
    withstood = False
    for place, (_, attack) in enumerate(stages):
        clean, left = inputs[standing], [seeds[row] for row in standing.tolist()]
        bound = threat if getattr(attack, "bounded", True) else replace(threat, eps=None)
        tried = attack(victim, clean, labels[standing], bound, left)
        forwards[standing] += torch.as_tensor(tried.forwards).to(standing) + 1
        gradients[standing] += torch.as_tensor(tried.gradients).to(standing)
        if tried.masked is not None:
            masked[standing] |= torch.as_tensor(tried.masked).to(masked)
        made = torch.as_tensor(tried.inputs).detach()
        margin = _margin(victim, made, labels[standing])
        worse = _within(clean, made, threat) & ((margin < least[standing]) if transfer else (margin <= 0))
        down = standing[worse]
        found[down], least[down], felled_by[down] = made[worse].to(found.dtype), margin[worse], place
        if transfer:
            continue
        iterative = getattr(attack, "iterative", None)
        overtaken[down] = withstood and iterative is False
        withstood = withstood or iterative is True
        standing = standing[~worse]
        if not len(standing):
            break
    return Attacked(found, forwards, gradients, masked | overtaken, _unlike(stages), felled_by, overtaken)


def _margin(victim: Victim, made: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        return margins(victim(made), labels)


def _within(clean: Tensor, made: Tensor, threat: Threat) -> Tensor:
    """Which are within the bound, bool [b]: those of an unbounded attack may be outside."""
    eps = float("inf") if threat.eps is None else threat.eps * (1 + TOLERANCE)
    return perturbation_norms(clean, made, threat.norm) <= eps


def _unlike(stages: Sequence[Stage]) -> tuple[str, ...]:
    """The names of the stages; where one comes again, with its place."""
    names = [stage.name for stage in stages]
    return tuple(name if name not in names[:place] else f"{name} ({place + 1})" for place, name in enumerate(names))
