"""Networks of NumPy arrays: how they give their parameters to the zoo and take them back."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[np.float64]]


class ArrayNetwork:
    """A network without a framework, whose parameters are float64 arrays that are saved as float32 tensors.

    A subclass says them by `parameters`; with a method `backpropagate` it is `zoo.training.HandWritten`, too.
    """

    def parameters(self) -> "Iterator[tuple[str, Array, Array]]":
        """Name, value and gradient of every parameter; the values are the arrays themselves, to be changed in place."""
        raise NotImplementedError

    def state_dict(self) -> "dict[str, Tensor]":
        """Every parameter as a float32 tensor."""
        import torch

        return {name: torch.from_numpy(value.astype(np.float32)) for name, value, _ in self.parameters()}

    def load_state_dict(self, state: "dict[str, Tensor]", strict: bool = True) -> None:
        """Take the parameters of `state`. Raises RuntimeError on any name or shape that differs, as PyTorch does."""
        mine = {name: value for name, value, _ in self.parameters()}
        if strict and mine.keys() != state.keys():
            raise RuntimeError(f"missing {sorted(mine.keys() - state.keys())}, unexpected {sorted(state.keys() - mine.keys())}")
        for name in mine.keys() & state.keys():
            if tuple(state[name].shape) != mine[name].shape:
                raise RuntimeError(f"{name} has shape {list(state[name].shape)}, not {list(mine[name].shape)}")
            mine[name][...] = state[name].detach().cpu().numpy()
