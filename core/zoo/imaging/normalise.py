"""Normalisation as a part of the network: it takes images in [0, 1], so a bound on a perturbation means what it says."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(x - mean) / std by channel, of images [..., c, h, w].

    The constants are buffers, so that they follow the network to its device, but no part of its state dict: published weights
    do not carry them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class Normalised(nn.Module):
    """`network(normalise(images))`, of images [b, c, h, w] in [0, 1], or of a list of [c, h, w].

    What the network declares as a classifier, that it is random or has a `bpda`, this does too.
    """

    def __init__(self, network: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalise(mean, std)

    @property
    def random(self) -> bool:
        return getattr(self.network, "random", False) is True

    @property
    def bpda(self) -> Callable[..., Any]:
        substitute = self.network.bpda
        return lambda images, *seeds: substitute(self._normalised(images), *seeds)

    def forward(self, images: Tensor | list[Tensor], *seeds: Sequence[int]) -> Any:
        return self.network(self._normalised(images), *seeds)

    def _normalised(self, images: Tensor | list[Tensor]) -> Any:
        return self.normalise(images) if isinstance(images, Tensor) else [self.normalise(image) for image in images]
