"""A variational autoencoder of binary images: two dense networks and a Gaussian between them.

Source: Kingma & Welling 2014, Auto-encoding variational Bayes, arXiv:1312.6114.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def dense(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, outputs))


class VAE(nn.Module):
    """z ~ N(0, I) of `latent` dimensions; p(x | z) independent Bernoulli pixels; q(z | x) a diagonal Gaussian."""

    def __init__(self, side: int = 28, hidden: int = 300, latent: int = 32) -> None:
        super().__init__()
        self.side, self.latent = side, latent
        self.encoder = dense(side * side, hidden, 2 * latent)
        self.decoder = dense(latent, hidden, side * side)

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> Tensor:
        """One image [1, side, side] per seed: the probability of ink at each pixel, given z drawn from the prior."""
        z = torch.stack([torch.randn(self.latent, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        ink: Tensor = self.decoder(z.to(self.device)).sigmoid()
        return ink.view(len(seeds), 1, self.side, self.side)

    def log_weights(self, images: Tensor, draws: int, seeds: Sequence[int]) -> Tensor:
        """log p(x, z_k) - log q(z_k | x) of binary images [b, 1, side, side], in nats: float32 [b, draws]."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        # A draw at a time: of several at once torch does not promise that the first are those of fewer.
        noise = [torch.stack([torch.randn(self.latent, generator=one) for _ in range(draws)]) for one in generators]
        return self.weigh(images, torch.stack(noise, dim=1).to(self.device)).T

    def weigh(self, images: Tensor, noise: Tensor) -> Tensor:
        """The same for standard normal noise [k, b, latent], by which z = mean + deviation · noise: [k, b]. Differentiable."""
        x = images.flatten(1)
        mean, log_deviation = self.encoder(x).chunk(2, dim=1)
        z: Tensor = mean + log_deviation.exp() * noise
        # The normalising constants of prior and posterior, -log(2 pi) / 2 each a dimension, cancel.
        prior, posterior = -0.5 * z.square(), -0.5 * noise.square() - log_deviation
        # log sigmoid(l) where x = 1, log sigmoid(-l) where x = 0.
        logits: Tensor = self.decoder(z)
        ink = (x - 1) * logits - F.softplus(-logits)
        log_weights: Tensor = ink.sum(-1) + (prior - posterior).sum(-1)
        return log_weights

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device
