"""A network that wants normalised pixels, as one that takes images in [0, 1]: so a bound on a perturbation means what it says."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """`network((images - mean) / std)`, by channel, of images [b, c, h, w] in [0, 1], or of a list of [c, h, w]."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor | list[Tensor]) -> Any:
        if isinstance(images, Tensor):
            return self.network((images - self.mean) / self.std)
        return self.network([(image - self.mean) / self.std for image in images])
