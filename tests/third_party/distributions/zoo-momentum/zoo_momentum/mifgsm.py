"""MI-FGSM: sign steps along a gradient that remembers those before it."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from zoo.errors import OptionError
from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim, margins
from zoo_momentum.decay import DECAY


class MomentumFgsm(Frozen):
    """gₜ₊₁ = μ gₜ + ∇ₓ loss / ‖∇ₓ loss‖₁, and steps of eps / steps along its sign. Source: Dong et al. 2018, algorithm 1."""

    iterative: ClassVar[bool] = True

    steps: int = Field(default=10, ge=1, description="Gradient steps.")
    decay: float = Field(default=DECAY, ge=0, description="μ: how much of the gradients before is kept.")

    def __call__(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Attacked:
        if threat.norm != "linf" or threat.eps is None:
            raise OptionError(f"momentum/mifgsm is for linf, not {threat.norm}", "take `protocol.norm=linf`")
        low, high = (inputs - threat.eps).clamp_min(threat.low), (inputs + threat.eps).clamp_max(threat.high)
        images, kept = inputs, torch.zeros_like(inputs)
        for _ in range(self.steps):
            images = images.detach().requires_grad_()
            logits = victim(images)
            loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, images)
            size = gradient.abs().flatten(1).sum(1).clamp_min(1e-30).view(-1, 1, 1, 1)
            kept = self.decay * kept + gradient / size
            stands = (margins(logits.detach(), labels) > 0).view(-1, 1, 1, 1)
            moved = (images.detach() + threat.eps / self.steps * kept.sign()).clamp(low, high)
            images = torch.where(stands | victim.transfer, moved, images.detach())
        count = [self.steps] * len(inputs)
        return Attacked(images, count, count)
