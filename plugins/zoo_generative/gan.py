"""A generative adversarial network of images: a generator that is kept, and the discriminator that it learns from.

Sources: Goodfellow et al. 2014, Generative adversarial nets, arXiv:1406.2661; the layers: Radford, Metz & Chintala 2016 (DCGAN),
arXiv:1511.06434; the penalty R1: Mescheder, Geiger & Nowozin 2018, Which training methods for GANs do actually converge?,
arXiv:1801.04406, eq. 9.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class GAN(nn.Module):
    """The generator: z ~ N(0, I) of `latent` dimensions to an image, by two transposed convolutions."""

    def __init__(self, side: int = 28, latent: int = 64, width: int = 32) -> None:
        super().__init__()
        self.latent, self.start = latent, (2 * width, side // 4, side // 4)
        self.project = nn.Linear(latent, 2 * width * (side // 4) ** 2, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        )

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> Tensor:
        """One image [1, side, side] in [0, 1] per seed, of which follows its z."""
        z = torch.stack([torch.randn(self.latent, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        return (self.picture(z.to(self.project.weight.device)) + 1) / 2

    def picture(self, z: Tensor) -> Tensor:
        """[b, latent] to images [b, 1, side, side] in [-1, 1]. In training mode they are normalised by their batch."""
        image: Tensor = self.layers(self.project(z).unflatten(1, self.start)).tanh()
        return image


class Losses(NamedTuple):
    """What each of the two minimises, scalars with gradients, each of its own network alone."""

    generator: Tensor
    discriminator: Tensor
    penalty: Tensor
    """Part of the discriminator's."""


class Discriminator(nn.Module):
    """Images in [-1, 1] to a logit: real, or drawn. No batch normalisation: R1 is a gradient of each image's own logit."""

    def __init__(self, side: int = 28, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * (side // 4) ** 2, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """[b, 1, side, side] to [b]."""
        logits: Tensor = self.layers(images).squeeze(1)
        return logits

    def losses(self, drawn: Tensor, real: Tensor, gamma: float) -> Losses:
        """Of drawn and real images in [-1, 1]: -log D(drawn) of the generator, which does not saturate where D is sure; cross-
        entropy and gamma / 2 |grad D(real)|^2 of the discriminator."""
        real = real.requires_grad_()
        said = self(real)
        (slope,) = torch.autograd.grad(said.sum(), real, create_graph=True)
        penalty = gamma / 2 * slope.square().flatten(1).sum(1).mean()
        told_apart = F.softplus(-said).mean() + F.softplus(self(drawn.detach())).mean()
        self.requires_grad_(False)
        fooled = F.softplus(-self(drawn)).mean()
        self.requires_grad_(True)
        return Losses(fooled, told_apart + penalty, penalty)
