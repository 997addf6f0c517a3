"""Several attacks one after another: a sample falls if any of them fells it, so the worst case counts, never the mean."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor

from zoo.options import NamedModel, split_named
from zoo.specs import Frozen, TaskName
from zoo.tasks import TOLERANCE, Attacked, Attacker, Threat, Victim, margins, perturbation_norms


class AttackName(NamedModel):
    """Names an attack of the registry, with its options."""

    task: ClassVar[TaskName] = "attack"


def _split(value: Any) -> Any:
    return split_named(value) if isinstance(value, str) else value


class WorstOf(Frozen):
    """Each attack meets only what stood before. Source: Croce & Hein 2020, section 5 (AutoAttack runs its four in this manner).

    A sample that withstands an iterative gradient attack and falls to one step or to none shows a sign of gradient masking
    (Athalye et al. 2018, section 3.1). So the simpler ones come last. An attack says which it is by its attribute `iterative`.
    Against a surrogate nobody is seen to fall: every attack meets all, and of each sample the input of the least margin is taken.
    """

    attacks: Annotated[tuple[AttackName, ...], BeforeValidator(_split)] = Field(
        default=("pgd", "apgd-ce", "fgsm", "square"),
        min_length=1,
        validate_default=True,
        description="Attacks of any plugin in order, each perhaps with options: robust/pgd:steps=50,restarts=2,square.",
    )

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        transfer = getattr(victim, "transfer", False)
        found, standing = inputs.clone(), torch.arange(len(inputs), device=inputs.device)
        forwards, gradients = torch.zeros_like(standing), torch.zeros_like(standing)
        masked, withstood = torch.zeros_like(standing, dtype=torch.bool), False
        least = torch.full((len(inputs),), float("inf"), device=inputs.device)
        for named in self.attacks:
            attack: Attacker = named.model
            clean, left = inputs[standing], [seeds[row] for row in standing.tolist()]
            bounded = getattr(attack, "bounded", True)
            tried = attack(victim, clean, labels[standing], threat if bounded else _boundless(threat), left)
            forwards[standing] += torch.as_tensor(tried.forwards, device=standing.device) + 1
            gradients[standing] += torch.as_tensor(tried.gradients, device=standing.device)
            if tried.masked is not None:
                masked[standing] |= torch.as_tensor(tried.masked, device=standing.device)
            made = torch.as_tensor(tried.inputs).detach()
            margin, within = _margin(victim, made, labels[standing]), _within(clean, made, threat)
            worse = within & ((margin < least[standing]) if transfer else (margin <= 0))
            found[standing[worse]], least[standing[worse]] = made[worse].to(found.dtype), margin[worse]
            if transfer:
                continue
            iterative = getattr(attack, "iterative", None)
            masked[standing[worse]] |= withstood and iterative is False
            withstood = withstood or iterative is True
            standing = standing[~worse]
            if not len(standing):
                break
        return Attacked(found, forwards, gradients, masked)


def _boundless(threat: Threat) -> Threat:
    return Threat(threat.norm, None, threat.low, threat.high)


def _margin(victim: Victim, made: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        return margins(victim(made), labels)


def _within(clean: Tensor, made: Tensor, threat: Threat) -> Tensor:
    """Which are within the bound, bool [b]: those of an unbounded attack may be outside."""
    eps = float("inf") if threat.eps is None else threat.eps * (1 + TOLERANCE)
    return perturbation_norms(clean, made, threat.norm) <= eps
