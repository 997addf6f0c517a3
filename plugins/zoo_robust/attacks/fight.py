"""A batch under attack: who still stands, what felled the others, and what it took. The bookkeeping of every attack here."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from zoo.tasks import Attacked, Victim, margins
from zoo_robust.attacks.losses import Loss


class Fight:
    """Samples leave as soon as the victim gets them wrong, so that no work is spent on them.

    `rows` are the positions of those that stand, `labels` and images `clean` theirs. One for whom nothing is found stays clean.
    Against a surrogate all go on to the end, as the victim may not fall with it; `minimal` attacks, which look for the nearest
    boundary, stop there all the same.
    """

    def __init__(self, victim: Victim, clean: Tensor, labels: Tensor, seeds: Sequence[int], *, minimal: bool = False) -> None:
        self.victim = victim
        self._to_the_end = getattr(victim, "transfer", False) and not minimal
        self._seeds = seeds
        self.clean = clean
        self.rows = torch.arange(len(clean), device=clean.device)
        self.labels = labels
        self._found = clean.clone()
        self._forwards, self._gradients = (torch.zeros(len(clean), dtype=torch.int64, device=clean.device) for _ in range(2))
        self._masked = torch.zeros(len(clean), dtype=torch.bool, device=clean.device)

    def __len__(self) -> int:
        """How many stand."""
        return len(self.rows)

    @property
    def seeds(self) -> list[int]:
        """Seeds of those that stand."""
        return [self._seeds[row] for row in self.rows.tolist()]

    def logits(self, images: Tensor) -> Tensor:
        """The victim's logits for an image of each that stands; counted."""
        self._forwards[self.rows] += 1
        with torch.no_grad():
            return self.victim(images)

    def ascend(self, images: Tensor, loss: Loss | None = None, draws: int = 1) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [b, C], loss [b], and its gradient to an image of each that stands [b, c, h, w]; counted.

        The loss is the cross-entropy, if no other is given. The gradient is the mean over so many draws of a random victim,
        unless the core knows that it is random, and averages it already.
        """
        draws = draws if getattr(self.victim, "draws", 1) == 1 else 1
        total = torch.zeros_like(images)
        for _ in range(draws):
            images = images.detach().requires_grad_()
            logits = self.victim(images)
            losses = loss(logits) if loss else F.cross_entropy(logits, self.labels, reduction="none")
            (gradient,) = torch.autograd.grad(losses.sum(), images)
            self.count_gradients(1, gradient, logits.detach())
            total = gradient if draws == 1 else total + gradient / draws
        return logits.detach(), losses.detach(), total

    def count_gradients(self, count: int, gradient: Tensor, logits: Tensor) -> None:
        """Count one evaluation with `count` gradients. Zero everywhere it leads nowhere: a sign of masking, if one stands."""
        self._forwards[self.rows] += 1
        self._gradients[self.rows] += count
        self._masked[self.rows] |= ~gradient.flatten(1).any(1) & (margins(logits, self.labels) > 0)

    def fall(self, images: Tensor, logits: Tensor, within: Tensor | None = None) -> Tensor:
        """Let those fall whose image the victim gets wrong, and is within the bound. Returns which of them stand, bool [b]."""
        stand = margins(logits, self.labels) > 0
        if self._to_the_end:
            return torch.ones_like(stand)
        if within is not None:
            stand |= ~within
        if not bool(stand.all()):
            fell = ~stand
            self._found[self.rows[fell]] = images[fell].detach()
            self.rows, self.labels, self.clean = self.rows[stand], self.labels[stand], self.clean[stand]
        return stand

    def attacked(self, images: Tensor | None = None) -> Attacked:
        """The result; `images` are the last tries of those that still stand."""
        if images is not None:
            self._found[self.rows] = images.detach()
        return Attacked(self._found, self._forwards, self._gradients, self._masked)


def cut(stand: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
    """Those rows of each tensor that stand; the very tensors where all do."""
    return kept if bool(stand.all()) else tuple(tensor[stand] for tensor in kept)
