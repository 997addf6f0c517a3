"""A classifier behind a denoiser: what it sees is restored first."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from zoo.imaging import Degraded
from zoo.specs import Frozen


class Options(Frozen):
    """Of `robust/denoised`."""

    sigma: float = Field(
        default=0.25, ge=0, allow_inf_nan=False, description="Deviation of the noise that the denoiser is told of, in [0, 1]."
    )


class Denoised(nn.Module):
    """A base classifier of restored images. Smoothing it certifies a base that was never trained with noise.

    What the base declares as a classifier, that it is random or has a `bpda`, this does too. A denoiser that draws does so with
    seed 0. Source: Salman et al. 2020, arXiv:2003.01908.
    """

    def __init__(self, base: Any, denoiser: Any, sigma: float) -> None:
        super().__init__()
        self.base, self.denoiser, self.sigma = base, denoiser, sigma

    @property
    def random(self) -> bool:
        return getattr(self.base, "random", False) is True

    @property
    def bpda(self) -> Callable[..., Tensor]:
        substitute = self.base.bpda
        return lambda images, *seeds: substitute(self._restored(images), *seeds)

    def forward(self, images: Tensor, *seeds: Sequence[int]) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w], nominally in [0, 1], with noise; a random base is handed the seeds."""
        logits: Tensor = self.base(self._restored(images), *seeds)
        return logits

    def _restored(self, images: Tensor) -> Tensor:
        return torch.stack(list(self.denoiser([Degraded(image, 1, self.sigma) for image in images], [0] * len(images))))
