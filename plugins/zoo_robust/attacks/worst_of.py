"""Several attacks one after another: a sample falls if any of them fells it, so the worst case counts, never the mean."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field
from torch import Tensor

from zoo.options import NamedModel, split_named
from zoo.specs import Frozen, TaskName
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.sequence import Stage, in_sequence


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
        return in_sequence([Stage(str(named), named.model) for named in self.attacks], victim, inputs, labels, threat, seeds)
