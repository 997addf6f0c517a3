"""Noise as a generator: the worst that counts."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class NoiseOptions(BaseModel):
    """What noise is drawn."""

    model_config = ConfigDict(extra="forbid")
    size: int = Field(default=28, ge=1, description="Pixels on a side.")
    channels: int = Field(default=1, description="1 grey, 3 RGB.", json_schema_extra={"enum": [1, 3]})


class Noise:
    """Images whose every pixel is drawn evenly from [0, 1], by the sample's seed."""

    def __init__(self, size: int = 28, channels: int = 1) -> None:
        self.shape = (channels, size, size)

    def __call__(self, conditions: Sequence[Any], seeds: Sequence[int]) -> list[Tensor]:
        """One image [channels, size, size] per condition, which is not looked at."""
        return [torch.rand(self.shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
