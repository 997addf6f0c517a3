"""Signs that a victim cannot be attacked like another, each told once a victim, by a remark.

Source: Croce & Hein, the checks of AutoAttack (`fra31/auto-attack`, flags_doc.md), with their thresholds.
"""

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from zoo.remarks import remark
from zoo.tasks.attack.contract import Victim

if TYPE_CHECKING:
    from torch import Tensor

ASKED = 5
"""How often the same images are put before a victim."""
APART = 1e-4
"""Euclidean distance of two answers, each at norm 1, that says that they are random."""
ROUNDING = 1e-5
"""Of probabilities, which lie in [0, 1] and sum to 1."""
_seen: WeakSet[Victim] = WeakSet()


def look_over(victim: Victim, inputs: "Tensor") -> None:
    """Put the first inputs before a victim a few times, and remark what makes an attack on it look weaker than it is."""
    if victim in _seen:
        return
    _seen.add(victim)
    import torch

    with torch.no_grad():
        answers = torch.stack([victim(inputs) for _ in range(ASKED)])
    if is_random(answers):
        remark(
            f"{victim.name} answers the same input otherwise each time: one draw says little of a random victim, and an attack "
            "must average over them, as robust/autoattack with version=rand does"
        )
    if are_probabilities(answers[0], whole=victim.outputs.width == victim.outputs.count):
        remark(
            f"{victim.name} seems to give probabilities, not logits: where it is sure their gradients vanish, so attacks look "
            "weaker than they are; let it return logits"
        )
    if takes_gradients(victim, inputs):
        remark(
            f"{victim.name} takes gradients of its own in its forward pass: attacks that follow its gradients see one step of an "
            "optimiser only, so an attack made for this victim may find more"
        )


def is_random(answers: "Tensor") -> bool:
    """Whether answers [k, b, C] to the same inputs differ."""
    directions = answers / (answers.norm(dim=-1, keepdim=True) + 1e-10)
    most = (directions[1:] - directions[:1]).norm(dim=-1).amax()
    return bool(most > APART) or bool((answers[1:].argmax(-1) != answers[:1].argmax(-1)).any())


def are_probabilities(logits: "Tensor", *, whole: bool = True) -> bool:
    """Whether rows [b, C] are distributions, or, where not the `whole` of them is seen, may be a part of such."""
    inside = bool(logits.min() > -ROUNDING) and bool(logits.max() < 1 + ROUNDING)
    over = logits.sum(-1) - 1
    return inside and bool(((over.abs() if whole else over) < ROUNDING).all())


def takes_gradients(victim: Victim, inputs: "Tensor") -> bool:
    """Whether a gradient is taken while the victim answers."""
    import torch

    watched = {torch.autograd.grad.__code__, torch.autograd.backward.__code__}
    seen = False

    def watch(frame: Any, event: str, argument: Any) -> None:
        nonlocal seen
        seen = seen or (event == "call" and frame.f_code in watched)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        victim(inputs)
    finally:
        sys.setprofile(before)
    return seen
