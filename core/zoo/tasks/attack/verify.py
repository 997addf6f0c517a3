"""One batch under attack, and whether what comes back is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import PredictionError
from zoo.seeds import seeds_alone
from zoo.tasks.attack.contract import Attacker, Threat, Victim
from zoo.tasks.attack.flags import look_over
from zoo.tasks.attack.stages import Stages, no_stages, staged
from zoo.tasks.base import Batch
from zoo.tasks.checks import check_floats, refuse_where
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from torch import Tensor


TOLERANCE = 1e-5
"""By how much, relative to eps, a norm in float64 may exceed it: float32 cannot hold every bound exactly."""
UNSCORED = "nothing of this shard is scored"


@dataclass(frozen=True)
class Outcome:
    """What came of the attack on each sample, on the CPU: logits float32 [b, C], norm float64 [b], counts int64 [b]."""

    clean: "Tensor"
    adversarial: "Tensor"
    norm: "Tensor"
    forwards: "Tensor"
    gradients: "Tensor"
    masked: "Tensor"
    inputs: "Tensor"
    stages: Stages


def margins(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """By how much the true class's logit exceeds the largest other, [b]; the victim is right where it is above 0.

    A tie is a mistake, as in every metric of classification.
    """
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -float("inf")).amax(1, keepdim=True)
    return (own - others).squeeze(1)


def perturbation_norms(inputs: "Tensor", adversarial: "Tensor", norm: str) -> "Tensor":
    """Norm of adversarial - clean of each sample, float64 [b]."""
    difference = (adversarial.double() - inputs.double()).flatten(1)
    return difference.abs().amax(1) if norm == "linf" else difference.norm(dim=1)


def attack_batch(attack: Attacker, name: str, victim: Victim, batch: Batch, threat: Threat) -> Outcome:
    """Attack the samples that the victim gets right; the others stay as they are, at a norm of 0."""
    import torch

    images = batch.inputs
    labels = torch.as_tensor(batch.targets, dtype=torch.int64, device=images.device)
    clean = victim.verified(images, batch.ids)
    rows = (margins(clean, labels) > 0).nonzero().flatten()
    adversarial, logits = images.clone(), clean.clone()
    norm = torch.zeros(len(batch), dtype=torch.float64)
    forwards, gradients, masked = (torch.zeros(len(batch), dtype=kind) for kind in (torch.int64, torch.int64, torch.bool))
    stages = no_stages(len(batch))
    if len(rows):
        look_over(victim, images[rows])
        where = rows.tolist()
        ids, seeds = [batch.ids[row] for row in where], [batch.seeds[row] for row in where]
        victim.evaluated = 0
        with seeds_alone(name):
            attacked = attack(victim, images[rows], labels[rows], threat, seeds)
        evaluated = victim.evaluated
        _check_returned(attacked, ids, name)
        norm[where] = _verified_norms(attacked.inputs, images[rows], threat, ids, name).cpu()
        adversarial[rows] = attacked.inputs.detach().to(images.dtype)
        logits[rows] = victim.verified(adversarial[rows], ids)
        counted = [_counts(counts, ids, name) for counts in (attacked.forwards, attacked.gradients)]
        _check_forwards(counted[0], evaluated, ids, name)
        forwards[where], gradients[where] = counted
        if attacked.masked is not None:
            masked[where] = torch.as_tensor(attacked.masked, dtype=torch.bool).cpu()
        told = staged(attacked, margins(logits[rows], labels[rows]) <= 0, ids, name)
        stages = stages.spread(told, where)
    return Outcome(clean.cpu(), logits.cpu(), norm, forwards, gradients, masked, adversarial.cpu(), stages)


def _verified_norms(made: Any, images: "Tensor", threat: Threat, ids: Sequence[str], name: str) -> "Tensor":
    """The norms, if the images are of the right shape, finite, in [0, 1] and within the bound; else PredictionError."""
    flat = check_floats(made, images.shape, "pixels", ids, name).detach().flatten(1)
    refuse_where((flat.amin(1) < 0) | (flat.amax(1) > 1), ids, f"{name} returned pixels outside [0, 1]", UNSCORED)
    norms = perturbation_norms(images, made.detach(), threat.norm)
    if threat.eps is not None:
        what = f"{name} left its ball: a {threat.norm} norm of up to {float(norms.max()):.6g} where eps is {threat.eps:.6g},"
        refuse_where(norms > threat.eps * (1 + TOLERANCE), ids, what, UNSCORED)
    return norms


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
