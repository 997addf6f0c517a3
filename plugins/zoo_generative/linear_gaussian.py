"""A latent model that can be solved: what a VAE bounds, known exactly. Probabilistic PCA, in float64.

z ~ N(0, I), x | z ~ N(W z + b, s² I). Then x ~ N(b, W Wᵀ + s² I), and z | x ~ N(M⁻¹ Wᵀ (x - b), s² M⁻¹) with M = Wᵀ W + s² I.
Source: Tipping & Bishop 1999, Probabilistic principal component analysis, doi:10.1111/1467-9868.00196, eqs. 4 to 8.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from zoo.training import Epoch, TrainingJob, TrainingProgress, TrainResult

LOG_2PI = math.log(2 * math.pi)
CHUNK = 4096


class Answer(BaseModel):
    """What is said of an image's likelihood."""

    model_config = ConfigDict(extra="forbid")
    exact: bool = Field(default=False, description="Its logarithm itself, in place of draws of z that bound it.")
    stretch: float = Field(
        default=1.0, gt=0, le=100, description="Deviation of the z that are drawn, as a multiple of that of the true posterior."
    )


class LinearGaussian(nn.Module):
    """The model of side x side pixels, `latent` dimensions of z."""

    def __init__(self, side: int = 28, latent: int = 20, exact: bool = False, stretch: float = 1.0) -> None:
        super().__init__()
        self.side, self.latent, self.exact, self.stretch = side, latent, exact, stretch
        self.weight = nn.Parameter(torch.randn(side * side, latent, dtype=torch.float64) / side)
        self.bias = nn.Parameter(torch.zeros(side * side, dtype=torch.float64))
        self.log_deviation = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> Tensor:
        """One image [1, side, side] per seed, drawn as the model has it and cut off at 0 and 1."""
        noise = self._noise(seeds, self.latent + self.side**2)
        z, pixels = noise[:, : self.latent], noise[:, self.latent :]
        drawn: Tensor = z @ self.weight.T + self.bias + self.log_deviation.exp() * pixels
        return drawn.clamp(0, 1).float().view(-1, 1, self.side, self.side)

    def log_weights(self, images: Tensor, draws: int, seeds: Sequence[int]) -> Tensor:
        """log p(x, z_k) - log q(z_k | x) of images [b, 1, side, side], in nats, float64 [b, draws]; or log p(x), [b, 1].

        q is the true posterior, with its deviation stretched: by 1 every weight is p(x), else the ELBO falls short of log p(x)
        by latent / 2 (stretch² - 1 - log stretch²).
        """
        x = images.flatten(1).double()
        if self.exact:
            return self.log_likelihood(x)[:, None]
        mean, root = self.posterior(x)
        noise = self._noise(seeds, draws * self.latent).view(len(x), draws, self.latent)
        z = mean[:, None] + self.stretch * noise @ root.T
        apart = x[:, None] - self.bias - z @ self.weight.T
        pixels = -0.5 * apart.square().sum(-1) * (-2 * self.log_deviation).exp() - x.shape[1] * self.log_deviation
        prior = -0.5 * z.square().sum(-1)
        volume = root.diagonal().log().sum() + self.latent * math.log(self.stretch)
        drawn = -0.5 * noise.square().sum(-1) - volume
        # log(2 pi) / 2 a dimension of z cancels between prior and q.
        log_weights: Tensor = pixels - x.shape[1] / 2 * LOG_2PI + prior - drawn
        return log_weights

    def log_likelihood(self, x: Tensor) -> Tensor:
        """log p(x) of float64 [b, side²], in nats [b]: of the covariance W Wᵀ + s² I nothing larger than M is inverted."""
        residual, root = x - self.bias, self._root()
        seen = torch.linalg.solve_triangular(root, self.weight.T @ residual.T, upper=False)
        distance = (residual.square().sum(1) - seen.square().sum(0)) * (-2 * self.log_deviation).exp()
        volume = 2 * (x.shape[1] - self.latent) * self.log_deviation + 2 * root.diagonal().log().sum()
        log_likelihood: Tensor = -0.5 * (distance + volume + x.shape[1] * LOG_2PI)
        return log_likelihood

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [b, latent] of z given x, and a lower triangular root [latent, latent] of its covariance, which is that of all."""
        mean = torch.cholesky_solve(self.weight.T @ (x - self.bias).T, self._root()).T
        covariance = (2 * self.log_deviation).exp() * torch.cholesky_inverse(self._root())
        return mean, torch.linalg.cholesky(covariance)

    def _root(self) -> Tensor:
        """The Cholesky factor of M."""
        own = torch.eye(self.latent, dtype=torch.float64, device=self.weight.device)
        root: Tensor = torch.linalg.cholesky(self.weight.T @ self.weight + (2 * self.log_deviation).exp() * own)
        return root

    def _noise(self, seeds: Sequence[int], count: int) -> Tensor:
        """Standard normal numbers [b, count] by NumPy, of which fewer are the first of more; torch's are not."""
        drawn = np.stack([np.random.default_rng(seed).standard_normal(count) for seed in seeds])
        return torch.from_numpy(drawn).to(self.weight.device)


def train(job: TrainingJob) -> TrainResult:
    """The maximum of the likelihood, in closed form (Tipping & Bishop 1999, eqs. 7 and 8), so that there is one epoch."""
    started = time.perf_counter()
    model: LinearGaussian = job.build_model()
    x = job.train_inputs
    parts = [range(start, min(start + CHUNK, len(x))) for start in range(0, len(x), CHUNK)]
    mean = torch.stack([x.batch(part).flatten(1).double().sum(0) for part in parts]).sum(0) / len(x)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in parts:
        apart = x.batch(part).flatten(1).double() - mean
        covariance += apart.T @ apart / len(x)
    values, vectors = torch.linalg.eigh(covariance)  # in ascending order
    noise = values[: -model.latent].mean()
    with torch.no_grad():
        model.weight.copy_(vectors[:, -model.latent :] * (values[-model.latent :] - noise).sqrt())
        model.bias.copy_(mean)
        model.log_deviation.copy_(noise.log() / 2)
        total = sum(float(model.log_likelihood(x.batch(part).flatten(1).double()).sum()) for part in parts)
        score = job.validate(model.eval())
    loss = -total / len(x)
    job.report(TrainingProgress(1, 1, 1, 1, loss, score))
    history = (Epoch(epoch=1, loss=loss, score=score, seconds=time.perf_counter() - started),)
    return TrainResult(dict(model.state_dict()), 1, score, history)
