"""What each layer of a network makes of a batch, seen by forward hooks.

A layer is a module that has no others in it but those that make up its own parameters.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from zoo.errors import ModelError


@dataclass(frozen=True)
class Call:
    """One call of a layer: what went in first, and what came out. A layer's second call is named `relu#2`."""

    name: str
    module: nn.Module
    input: Tensor
    output: Tensor


@contextmanager
def recorded(network: Any, name: str) -> Iterator[list[Call]]:
    """The list to which every call of a layer is appended within the block, in order; whoever reads it clears it.

    Calls that take or give something other than a tensor are left out. Raises ModelError where nothing can be seen.
    """
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"{name} is a {type(network).__name__}, not an nn.Module, so its layers cannot be seen", "name a network of PyTorch"
        )
    calls: list[Call] = []
    handles = [
        module.register_forward_hook(_recorder(calls, layer or type(module).__name__.lower()))
        for layer, module in network.named_modules()
        if "parametrizations" not in layer.split(".") and not set(dict(module.named_children())) - {"parametrizations"}
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _recorder(calls: list[Call], layer: str) -> Any:
    def record(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            before = Counter(call.module for call in calls)[module]
            named = f"{layer}#{before + 1}" if before else layer
            calls.append(Call(named, module, inputs[0].detach(), output.detach()))

    return record
