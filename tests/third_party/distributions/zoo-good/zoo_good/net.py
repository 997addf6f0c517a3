"""A classifier of digits without weights: the class whose stroke density is nearest."""

import torch
from torch import Tensor

DENSITIES = torch.linspace(0.2, 0.4, 10)


class Density(torch.nn.Module):
    """Logits [b, 10] of images [b, 1, h, w] in [0, 1], from their mean alone."""

    def forward(self, images: Tensor) -> Tensor:
        return -((images.mean(dim=(1, 2, 3))[:, None] - DENSITIES) ** 2)
