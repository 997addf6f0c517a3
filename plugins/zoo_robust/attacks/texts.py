"""Texts under attack: who still stands, what it took, and the edits that an attacker may try."""

import random
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.errors import OptionError
from zoo.seeds import sample_seed
from zoo.tasks import Attacked, Norm, Threat, Victim, margins

AT_ONCE = 512
"""Texts that are put before the victim in one batch."""
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,!-"
LOOKALIKES = {"a": "@", "b": "8", "e": "3", "g": "9", "i": "1", "l": "1", "o": "0", "s": "5", "t": "7", "z": "2"} | {
    digit: letter for letter, digit in zip("oliezsgtb", "011325978", strict=True)
}


class Drafts:
    """The texts of a batch as they are now, with their margins; whoever falls is left as he fell."""

    def __init__(self, victim: Victim, texts: Sequence[str], labels: Tensor) -> None:
        self.victim, self.texts, self.labels = victim, list(texts), labels
        self.forwards = torch.zeros(len(self.texts), dtype=torch.int64)
        self.standing = list(range(len(self.texts)))
        self.margins = [found[0] for found in self.evaluated({row: [self.texts[row]] for row in self.standing}).values()]

    def evaluated(self, tried: dict[int, list[str]]) -> dict[int, list[float]]:
        """Margins of the texts that are tried for each row, all in few batches; counted."""
        flat = [(row, text) for row, texts in tried.items() for text in texts]
        found: dict[int, list[float]] = {row: [] for row in tried}
        for start in range(0, len(flat), AT_ONCE):
            part = flat[start : start + AT_ONCE]
            rows = torch.tensor([row for row, _ in part])
            with torch.no_grad():
                logits = self.victim([text for _, text in part])
            values = margins(logits, self.labels[rows.to(self.labels.device)])
            self.forwards.index_add_(0, rows, torch.ones_like(rows))
            for (row, _), margin in zip(part, values.tolist(), strict=True):
                found[row].append(margin)
        return found

    def step(self, candidates: Callable[[int], list[str]]) -> None:
        """Give each that stands the best of its candidates, if that is worse for the victim. Who finds none stays as he is."""
        tried = {row: texts for row in self.standing if (texts := list(dict.fromkeys(candidates(row))))}
        for row, found in self.evaluated(tried).items():
            best = min(range(len(found)), key=found.__getitem__)
            if found[best] < self.margins[row]:
                self.texts[row], self.margins[row] = tried[row][best], found[best]
        moved = set(tried)
        # A surrogate's fall says nothing of the victim's: against one, all go on to the end.
        fallen = (lambda row: False) if self.victim.transfer else (lambda row: self.margins[row] <= 0)
        self.standing = [row for row in self.standing if row in moved and not fallen(row)]

    def attacked(self) -> Attacked:
        return Attacked(self.texts, self.forwards, torch.zeros_like(self.forwards))


def count_of(threat: Threat, norm: Norm, name: str) -> int:
    """How many changes a threat allows. Raises OptionError where it counts others than the attack makes."""
    if threat.norm != norm or threat.eps is None:
        raise OptionError(
            f"{name} is bounded by a number of {norm}, not {threat.norm}", f"take `protocol.norm={norm}`, or another attack"
        )
    return int(threat.eps)


def generators(seeds: Sequence[int], purpose: str) -> list[random.Random]:
    """A generator of each sample's own."""
    return [random.Random(sample_seed(seed, purpose)) for seed in seeds]


def edits_at(text: str, position: int, drawn: random.Random) -> list[str]:
    """The text with one edit at a character: deleted, replaced by what looks alike or at random, or something put before it."""
    before, char, after = text[:position], text[position], text[position + 1 :]
    alike = LOOKALIKES.get(char.lower(), drawn.choice(ALPHABET))
    new = (alike, drawn.choice(ALPHABET), char.swapcase())
    made = [before + after, before + " " + char + after, before + drawn.choice(ALPHABET) + char + after]
    return [*made, *(before + other + after for other in new if other != char)]
