"""Character edits: find the words that the victim leans on, and misspell them, one edit at a time."""

import random
import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.texts import Drafts, count_of, edits_at, generators

_WORD = re.compile(r"\S+")


class CharEdits(Frozen):
    """Each of eps edits is the best of those that are tried in the words whose absence harms the victim's margin most.

    Sources: the choice of words by leaving them out, and the kinds of edit, Gao, Lanchantin, Soffa & Qi 2018 (DeepWordBug),
    arXiv:1801.04354; the greedy search, as HotFlip's (Ebrahimi et al. 2018, arXiv:1712.06751), by scores instead of gradients.
    """

    iterative: ClassVar[bool] = False

    words: int = Field(default=4, ge=1, description="Words, of those that matter most, in which edits are tried.")
    tries: int = Field(default=60, ge=1, description="Edits that are tried for each one that is made.")

    def __call__(
        self, victim: Victim, inputs: Sequence[str], labels: Tensor, threat: Threat, seeds: Sequence[int], /
    ) -> Attacked:
        count = count_of(threat, "edits", "robust/char-edits")
        drafts, drawn = Drafts(victim, inputs, labels), generators(seeds, "char edits")
        for _ in range(count):
            places = self._places(drafts)
            drafts.step(lambda row, places=places: self._tried(drafts.texts[row], places[row], drawn[row]))  # type: ignore[misc]
            if not drafts.standing:
                break
        return drafts.attacked()

    def _places(self, drafts: Drafts) -> dict[int, list[int]]:
        """Positions of the characters of the words without which the margin is least."""
        spans = {row: [match.span() for match in _WORD.finditer(drafts.texts[row])] for row in drafts.standing}
        without = {row: [drafts.texts[row][:a] + drafts.texts[row][b:] for a, b in found] for row, found in spans.items()}
        places = {}
        for row, left in drafts.evaluated(without).items():
            ranked = sorted(range(len(left)), key=left.__getitem__)[: self.words]
            places[row] = [position for word in ranked for position in range(*spans[row][word])]
        return places

    def _tried(self, text: str, places: Sequence[int], drawn: random.Random) -> list[str]:
        made = [edited for position in places for edited in edits_at(text, position, drawn)]
        return made if len(made) <= self.tries else drawn.sample(made, self.tries)
