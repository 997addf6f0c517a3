"""Adam whose states take 8 bits a value, by torchao."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import nn
from torch.optim import Optimizer as TorchOptimizer

from zoo.errors import OptionError
from zoo.lazy import quietly
from zoo.remarks import remark
from zoo.specs import Frozen, Optimizer
from zoo.training import Expected, Network

LEAST = 4096
"""Values of the smallest parameter whose states are quantised (torchao's rule, and that of bitsandbytes)."""

LEVELS = 256
"""Of a state's values, which each keeps a table of."""


class Adam8bit(Frozen):
    """Both states of a parameter in blocks of values with a scale each, at 256 levels that lie closer near 0.

    Parameters of fewer than 4,096 values, or not in whole blocks, keep float32 states, which is said.
    Source: Dettmers, Lewis, Shleifer & Zettlemoyer 2022, arXiv:2110.02861; parity: torchao.optim.
    """

    algorithm: str = Field(description="Its name in torchao.")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="Decay of the mean of gradients.")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of the mean of their squares.")
    eps: float = Field(default=1e-8, gt=0, description="Added to the root of the latter.")
    block: int = Field(default=256, ge=1, description="Values that share a scale.")
    compiled: bool = Field(default=False, description="Compile the step, as torchao does: a minute first, worth it on a GPU.")

    def build(self, parameters: Sequence[nn.Parameter], settings: Optimizer, /) -> TorchOptimizer:
        with quietly():
            from torchao import optim

        sizes = [parameter.numel() for parameter in parameters]
        fitting = self._fitting(sizes)
        if not fitting:
            raise OptionError(
                f"{self.algorithm} would keep no state in 8 bits: no parameter has {LEAST:,} values, in blocks of {self.block}",
                "take training/adamw",
            )
        if len(fitting) < len(sizes):
            remark(
                f"{self.algorithm}: states of {len(fitting)} of {len(sizes)} parameters are in 8 bits, "
                f"{sum(fitting) / sum(sizes):.1%} of all values; the others, small or not in whole blocks, are in float32"
            )
        found: Any = getattr(optim, self.algorithm)
        built: TorchOptimizer = (found if self.compiled else eager(found))(
            list(parameters),
            lr=settings.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=settings.weight_decay,
            block_size=self.block,
        )
        return built

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        sizes = [parameter.numel() for parameter in network.parameters]
        small = sum(sizes) - sum(fitting := self._fitting(sizes))
        scales, tensors = sum(fitting) // self.block, len(fitting)
        terms = [
            (sum(fitting), f"1 byte × {sum(fitting):,}"),
            (4 * scales, f"4 bytes × {scales:,} scales"),
            (4 * LEVELS * tensors, f"{4 * LEVELS:,} bytes of levels × {tensors:,}"),
            (4 * small, f"4 bytes × {small:,} of small parameters"),
        ]
        steps = 4 * len(sizes)
        formula = f"2 states × ({' + '.join(text for count, text in terms if count)}) + 4 bytes × {len(sizes):,} tensors"
        return {"optimizer": Expected(bytes=2 * sum(count for count, _ in terms) + steps, formula=formula)}

    def _fitting(self, sizes: Sequence[int]) -> list[int]:
        """Those of sizes of parameters whose states are quantised."""
        return [size for size in sizes if size >= LEAST and size % self.block == 0]


def eager(compiled: Any) -> Any:
    """The same, whose step is not compiled: torchao's is for each shape, a minute and a half on a CPU before the first."""

    class Eager(compiled):  # type: ignore[misc]
        def step(self, closure: Any = None) -> Any:
            with torch.compiler.set_stance("force_eager"):
                return super().step(closure)

    return Eager
