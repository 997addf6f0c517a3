"""The inner problem of adversarial training: images of a ball on which a loss is as large as few steps can make it."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from zoo_robust.attacks.balls import Ball


def random_start(allowed: Ball, generator: Generator) -> Tensor:
    """A perturbed image of each clean one, uniform within eps of it, all drawn from one generator; pixels may leave [0, 1].

    They are cut by the step that follows, as in the authors' code. Cut before it, a black pixel would start at 0 half of the
    time, and a step longer than eps would take it to an end of its interval whatever was drawn: FGSM with no random start.
    """
    return allowed.clean + torch.stack([allowed.draw(generator) for _ in allowed.clean]).to(allowed.clean)


def ascend(loss: Callable[[Tensor], Tensor], allowed: Ball, start: Tensor, steps: int, step: float) -> Tensor:
    """Images after some projected steps up a loss, each of length `step` times eps. Source: Madry et al. 2018, section 2.1.

    `loss` maps images [b, c, h, w] to a scalar whose gradient at an image depends on that image alone, such as a sum.
    """
    images = start
    for _ in range(steps):
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(images), images)
        images = allowed.project(images + step * allowed.eps * allowed.steepest(gradient))
    return images.detach()
