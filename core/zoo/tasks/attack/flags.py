"""Signs that a victim cannot be attacked like another, each told once a victim, by a remark.

Source: Croce & Hein, the checks of AutoAttack (`fra31/auto-attack`, flags_doc.md), with their thresholds. That
a victim gives probabilities is seen in what is stored, and told beside the score.
"""

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from zoo.remarks import remark
from zoo.tasks.attack.victim import Victim

if TYPE_CHECKING:
    from torch import Tensor

ASKED = 5
"""How often the same images are put before a victim."""
APART = 1e-4
"""Euclidean distance of two answers, each at norm 1, that says that they are random."""
_seen: WeakSet[Victim] = WeakSet()


def look_over(victim: Victim, inputs: "Tensor") -> None:
    """Put the first inputs before a victim a few times, and remark what makes an attack on it look weaker than it is."""
    if victim in _seen:
        return
    _seen.add(victim)
    import torch

    with torch.no_grad():
        answers = torch.stack([victim(inputs) for _ in range(ASKED)])
    if victim.draws == 1 and is_random(answers):  # else it is known to be, and averaged
        remark(
            f"{victim.name} answers the same input otherwise each time: one draw says little of a random victim, and an attack "
            "must average over them, as robust/autoattack with version=rand does"
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
