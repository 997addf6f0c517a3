"""Several attacks one after another: a sample falls if any of them fells it, so the worst case counts, never the mean."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field, field_validator
from torch import Tensor

from zoo.errors import OptionError
from zoo.options import build_named
from zoo.specs import Frozen
from zoo.tasks import TOLERANCE, Attacked, Attacker, Threat, Victim, margins, perturbation_norms
from zoo_robust.attacks.apgd import Apgd
from zoo_robust.attacks.deepfool import DeepFool
from zoo_robust.attacks.fgsm import Fgsm
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.attacks.square import Square
from zoo_robust.attacks.uniform_noise import UniformNoise

ATTACKS: dict[str, type[Any]] = {
    "uniform-noise": UniformNoise,
    "fgsm": Fgsm,
    "pgd": Pgd,
    "deepfool": DeepFool,
    "apgd-ce": Apgd,
    "square": Square,
}
ITERATIVE = ("pgd", "deepfool", "apgd-ce")
"""Those that follow gradients far enough that nothing simpler should find more."""


def _split(value: Any) -> Any:
    return tuple(value.split("+")) if isinstance(value, str) else value


class WorstOf(Frozen):
    """Each attack meets only what stood before. Source: Croce & Hein 2020, section 5 (AutoAttack runs its four in this manner).

    A sample that withstands an iterative gradient attack and falls to one step or to none shows a sign of gradient masking
    (Athalye et al. 2018, section 3.1). So the simpler ones come last.
    """

    attacks: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(
        default=("pgd", "apgd-ce", "fgsm", "square"),
        min_length=1,
        description="Attacks in order, each perhaps with options: pgd:steps=40,restarts=2+square:queries=1000.",
    )

    @field_validator("attacks")
    @classmethod
    def _known(cls, attacks: tuple[str, ...]) -> tuple[str, ...]:
        for text in attacks:
            try:
                _built(text)
            except OptionError as error:
                raise ValueError(f"{error.message}; {error.hint}") from None
        return attacks

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        found, standing = inputs.clone(), torch.arange(len(inputs), device=inputs.device)
        forwards, gradients = torch.zeros_like(standing), torch.zeros_like(standing)
        masked, withstood = torch.zeros_like(standing, dtype=torch.bool), False
        for text in self.attacks:
            attack, iterative = _built(text), text.partition(":")[0] in ITERATIVE
            clean, left = inputs[standing], [seeds[row] for row in standing.tolist()]
            bound = threat if getattr(attack, "bounded", True) else Threat(threat.norm, None)
            tried = attack(victim, clean, labels[standing], bound, left)
            forwards[standing] += torch.as_tensor(tried.forwards) + 1
            gradients[standing] += torch.as_tensor(tried.gradients)
            if tried.masked is not None:
                masked[standing] |= torch.as_tensor(tried.masked)
            fell = self._fell(victim, clean, tried.inputs, labels[standing], threat)
            found[standing[fell]] = tried.inputs[fell]
            masked[standing[fell]] |= withstood and not iterative
            withstood = withstood or iterative
            standing = standing[~fell]
            if not len(standing):
                break
        return Attacked(found, forwards, gradients, masked)

    @staticmethod
    def _fell(victim: Victim, clean: Tensor, tried: Tensor, labels: Tensor, threat: Threat) -> Tensor:
        """Who is fooled within the bound, bool [b]: an unbounded attack may be outside."""
        with torch.no_grad():
            fooled = margins(victim(tried), labels) <= 0
        eps = float("inf") if threat.eps is None else threat.eps * (1 + TOLERANCE)
        return fooled & (perturbation_norms(clean, tried, threat.norm) <= eps)


def _built(text: str) -> Attacker:
    attack: Attacker = build_named(text, ATTACKS, "attack")  # type: ignore[assignment]
    return attack
