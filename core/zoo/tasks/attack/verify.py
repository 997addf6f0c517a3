"""One batch under attack, and whether what comes back is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import PredictionError
from zoo.seeds import seeds_alone
from zoo.tasks.attack.contract import Attacker, Threat
from zoo.tasks.attack.spaces import TOLERANCE, Numbers, Space, perturbation_norms
from zoo.tasks.attack.victim import Victim
from zoo.tasks.base import Batch
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TOLERANCE", "Outcome", "attack_batch", "margins", "perturbation_norms"]


@dataclass(frozen=True)
class Outcome:
    """What came of the attack on each sample, on the CPU: logits float32 [b, C], norm float64 [b], counts int64 [b]."""

    clean: "Tensor"
    adversarial: "Tensor"
    norm: "Tensor"
    forwards: "Tensor"
    gradients: "Tensor"
    masked: "Tensor"
    inputs: "Tensor | Sequence[str]"


def margins(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """By how much the true class's logit exceeds the largest other, [b]; the victim is right where it is above 0.

    A tie is a mistake, as in every metric of classification.
    """
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -float("inf")).amax(1, keepdim=True)
    return (own - others).squeeze(1)


def attack_batch(
    attack: Attacker,
    name: str,
    victim: Victim,
    batch: Batch,
    threat: Threat,
    shown: Victim | None = None,
    space: Space | None = None,
) -> Outcome:
    """Attack the samples that the victim gets right; the others stay as they are, at a norm of 0.

    `shown` is what the attack is given instead of the victim: a surrogate.
    """
    import torch

    shown, space = shown or victim, space or Numbers()
    clean = victim.verified(batch.inputs, batch.ids, batch.seeds)
    labels = torch.as_tensor(batch.targets, dtype=torch.int64, device=clean.device)
    rows = (margins(clean, labels) > 0).nonzero().flatten()
    adversarial, logits = batch.inputs, clean.clone()
    norm = torch.zeros(len(batch), dtype=torch.float64)
    forwards, gradients, masked = (torch.zeros(len(batch), dtype=kind) for kind in (torch.int64, torch.int64, torch.bool))
    if len(rows):
        where = rows.tolist()
        ids, seeds = [batch.ids[row] for row in where], [batch.seeds[row] for row in where]
        standing = space.take(batch.inputs, rows)
        shown.evaluated = 0
        with seeds_alone(name):
            attacked = attack(shown, standing, labels[rows], threat, seeds)
        evaluated = shown.evaluated
        _check_returned(attacked, ids, name)
        norm[where] = space.verified_norms(attacked.inputs, standing, threat, ids, name)
        adversarial = space.put(batch.inputs, rows, attacked.inputs)
        logits[rows] = victim.verified(space.take(adversarial, rows), ids, seeds)
        counted = [_counts(counts, ids, name) for counts in (attacked.forwards, attacked.gradients)]
        _check_forwards(counted[0], evaluated, ids, name)
        forwards[where], gradients[where] = (counts * shown.draws for counts in counted)
        if attacked.masked is not None:
            masked[where] = torch.as_tensor(attacked.masked, dtype=torch.bool).cpu()
    kept = adversarial.cpu() if isinstance(adversarial, torch.Tensor) else adversarial
    return Outcome(clean.cpu(), logits.cpu(), norm, forwards, gradients, masked, kept)


def _check_returned(attacked: Any, ids: Sequence[str], name: str) -> None:
    if not all(hasattr(attacked, part) for part in ("inputs", "forwards", "gradients")):
        raise PredictionError(
            f"{name} returned {type(attacked).__name__} for {some(ids)}",
            "return zoo.tasks.Attacked(inputs, forwards, gradients), the last two counts for each sample",
            ids,
        )


def _check_forwards(counts: "Tensor", evaluated: int, ids: Sequence[str], name: str) -> None:
    """What an attack costs is a score, so it cannot cost less than was seen."""
    if int(counts.sum()) < evaluated:
        raise PredictionError(
            f"{name} counts {int(counts.sum()):,} evaluations of the victim and made {evaluated:,} on {some(ids)}",
            "count every input that is put before the victim",
            ids,
        )


def _counts(counts: Any, ids: Sequence[str], name: str) -> "Tensor":
    import torch

    try:
        found = torch.as_tensor(counts).cpu()
    except (TypeError, ValueError, RuntimeError):
        found = torch.zeros(0)
    if found.shape != (len(ids),) or found.is_floating_point() or bool((found < 0).any()):
        hint = "Attacked.forwards and Attacked.gradients hold a whole number, 0 or more, for each sample"
        raise PredictionError(f"{name} returned no count of evaluations for each of {len(ids)} samples", hint, ids)
    return found
