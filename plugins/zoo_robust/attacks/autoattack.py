"""AutoAttack: the ensemble without parameters by which robust accuracies are compared, with the parameters of its authors."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from zoo.errors import ModelError
from zoo.remarks import remark
from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.apgd import Apgd, ApgdDlr, ApgdTargeted
from zoo_robust.attacks.fab import Fab, FabTargeted
from zoo_robust.attacks.losses import say_if_few
from zoo_robust.attacks.sequence import Stage, in_sequence
from zoo_robust.attacks.square import Square

DRAWS = 20
TARGETED = Stage("apgd-t", ApgdTargeted()), Stage("fab-t", FabTargeted(smallest=False))
SEARCH = Stage("square", Square(rescale=False))
VERSIONS = {
    "standard": (Stage("apgd-ce", Apgd()), *TARGETED, SEARCH),
    "plus": (
        Stage("apgd-ce", Apgd(restarts=5)),
        Stage("apgd-dlr", ApgdDlr(restarts=5)),
        Stage("fab", Fab(restarts=5, smallest=False)),
        SEARCH,
        *TARGETED,
    ),
    "rand": (Stage("apgd-ce", Apgd(eot=DRAWS)), Stage("apgd-dlr", ApgdDlr(eot=DRAWS))),
}
"""Stages in the order of `fra31/auto-attack`, L∞ and L2 alike: 100 steps, one start, 9 targets, 5,000 queries, if not said."""


class AutoAttack(Frozen):
    """Source: Croce & Hein 2020, section 5, as `fra31/auto-attack` runs it; parity: `pyautoattack`."""

    version: Literal["standard", "plus", "rand"] = Field(
        default="standard",
        description="standard: the four that are compared; plus: more restarts and untargeted ones; rand: for random victims.",
    )

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        """Robust accuracy after each stage is in the detail of that metric. Raises ModelError for a victim without gradients."""
        stages = VERSIONS[self.version]
        self._say_if_few(victim, max(getattr(stage.attack, "targets", 0) for stage in stages))
        try:
            return in_sequence(stages, victim, inputs, labels, threat, seeds)
        except ModelError as error:  # a victim without gradients
            able = SEARCH.name if SEARCH in stages else "none"
            raise ModelError(error.message, f"{error.hint}; of the stages of version {self.version} {able} can run") from error

    @staticmethod
    def _say_if_few(victim: Victim, targets: int) -> None:
        """Here and not only in the stages, which a victim may not survive."""
        classes = victim.outputs.width
        if targets >= classes:
            remark(f"{victim.name} has {classes} classes, so targeted attacks aim at {classes - 1} and not at {targets}")
        say_if_few(victim, "targeted" if targets else "untargeted")
