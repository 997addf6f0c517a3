"""Several attacks one after another: a sample falls if any of them fells it, so the worst case counts, never the mean."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator
from torch import Tensor

from zoo.errors import OptionError
from zoo.options import build_named
from zoo.specs import Frozen
from zoo.tasks import Attacked, Attacker, Threat, Victim
from zoo_robust.attacks.apgd import Apgd, ApgdDlr, ApgdTargeted
from zoo_robust.attacks.deepfool import DeepFool
from zoo_robust.attacks.fab import Fab, FabTargeted
from zoo_robust.attacks.fgsm import Fgsm
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.attacks.sequence import Stage, in_sequence
from zoo_robust.attacks.square import Square
from zoo_robust.attacks.uniform_noise import UniformNoise

ATTACKS: dict[str, type[Any]] = {
    "uniform-noise": UniformNoise,
    "fgsm": Fgsm,
    "pgd": Pgd,
    "deepfool": DeepFool,
    "apgd-ce": Apgd,
    "apgd-dlr": ApgdDlr,
    "apgd-t": ApgdTargeted,
    "fab": Fab,
    "fab-t": FabTargeted,
    "square": Square,
}


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
        return in_sequence([Stage(text, _built(text)) for text in self.attacks], victim, inputs, labels, threat, seeds)


def _built(text: str) -> Attacker:
    attack: Attacker = build_named(text, ATTACKS, "attack")  # type: ignore[assignment]
    return attack
