"""Networks of other libraries in our terms: images in [0, 1] at their door, their own state dict inside."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Wrapped(nn.Module):
    """What holds a library's network as `body`. Its state dict is the library's own."""

    body: Any

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(state_dict, strict=strict, assign=assign)


class Normalise(nn.Module):
    """(x - mean) / std for every channel of images [b, c, h, w] in [0, 1]. Has no state of its own."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std
