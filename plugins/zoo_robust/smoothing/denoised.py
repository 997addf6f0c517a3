"""A classifier behind a denoiser: what it sees is restored first."""

from collections.abc import Sequence
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

    A denoiser that draws does so with seed 0. Source: Salman et al. 2020, arXiv:2003.01908.
    """

    def __init__(self, base: Any, denoiser: Any, sigma: float) -> None:
        super().__init__()
        self.base, self.denoiser, self.sigma = base, denoiser, sigma

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w], nominally in [0, 1], with noise."""
        restored: Sequence[Tensor] = self.denoiser([Degraded(image, 1, self.sigma) for image in images], [0] * len(images))
        logits: Tensor = self.base(torch.stack(list(restored)))
        return logits
