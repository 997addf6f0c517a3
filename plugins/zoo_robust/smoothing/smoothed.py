"""A classifier smoothed by Gaussian noise: it says what its base says most often."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from zoo.seeds import sample_seed
from zoo.specs import Frozen
from zoo_robust.smoothing.votes import ABSTAINS, predicted, votes

Sigma = Annotated[float, Field(gt=0, allow_inf_nan=False, description="Deviation of the noise, of pixels in [0, 1].")]
Alpha = Annotated[float, Field(gt=0, lt=1, description="Probability of an answer that is not the smoothed classifier's.")]


class Options(Frozen):
    """Of `robust/smoothed`."""

    sigma: Sigma = 0.25
    n: int = Field(default=1000, ge=1, description="Noisy images that vote on an answer.")
    alpha: Alpha = 0.001


class Smoothed(nn.Module):
    """The class with most of `n` votes, if it leads the second in a two-sided binomial test at level `alpha`.

    Logits are the logarithms of (votes + 1) / (n + classes), finite where a class has none. Where the vote is not clear it
    abstains: all logits are 0, a tie, which every metric takes for a mistake, and `abstentions` counts.
    Source: Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918, algorithm 2 (PREDICT).
    """

    random = True

    def __init__(self, base: Any, sigma: float, n: int, alpha: float) -> None:
        super().__init__()
        self.base, self.sigma, self.n, self.alpha = base, sigma, n, alpha

    @torch.no_grad()
    def forward(self, images: Tensor, seeds: Sequence[int]) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w] in [0, 1]; the noise of image i follows from seeds[i]."""
        return torch.stack([self._logits(image, seed) for image, seed in zip(images, seeds, strict=True)]).to(images.device)

    def _logits(self, image: Tensor, seed: int) -> Tensor:
        (counts,) = votes(lambda noisy: self._asked(noisy, seed), image, self.sigma, [self.n], seed)
        if predicted(counts, self.alpha) == ABSTAINS:
            return torch.zeros(len(counts))
        return ((counts + 1.0) / (self.n + len(counts))).log().float()

    def _asked(self, noisy: Tensor, seed: int) -> Tensor:
        """The base's logits; one that is random itself is given seeds, which differ from those of the noise."""
        if getattr(self.base, "random", False) is not True:
            return self.base(noisy)  # type: ignore[no-any-return]
        return self.base(noisy, [sample_seed(seed, f"vote {i}") for i in range(len(noisy))])  # type: ignore[no-any-return]
