"""Random edits: characters changed anywhere. What falls to them needed no adversary."""

import random
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.texts import ALPHABET, Drafts, count_of, edits_at, generators


class RandomEdits(Frozen):
    """As many edits as eps allows, each of a kind and at a place that are drawn: what an attack of texts must beat."""

    iterative: ClassVar[bool] = False

    draws: int = Field(default=1, ge=1, description="Texts tried; the first that fools the victim is taken.")

    def __call__(
        self, victim: Victim, inputs: Sequence[str], labels: Tensor, threat: Threat, seeds: Sequence[int], /
    ) -> Attacked:
        count = count_of(threat, "edits", "robust/random-edits")
        drafts, drawn = Drafts(victim, inputs, labels), generators(seeds, "random edits")
        for _ in range(self.draws):
            drafts.step(lambda row: [_edited(inputs[row], count, drawn[row])])
            if not drafts.standing:
                break
        return drafts.attacked()


def _edited(text: str, count: int, drawn: random.Random) -> str:
    for _ in range(count):
        text = drawn.choice(edits_at(text, drawn.randrange(len(text)), drawn)) if text else drawn.choice(ALPHABET)
    return text
