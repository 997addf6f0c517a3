"""Why weights may depend on how a batch is shared out, beyond rounding: looked for in a training's first step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.remarks import remark

if TYPE_CHECKING:
    from torch import Generator, nn

    from zoo.training.loop import Loop


def batch_norms(model: "nn.Module") -> "list[nn.Module]":
    """The modules of a network that look at a whole batch."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


@contextmanager
def noticing(loop: "Loop", generator: "Generator") -> "Iterator[None]":
    """See, in the first block, whether a sample's gradient depends on its batch mates or its place: `loop.differs`."""
    if loop.differs is not None:
        yield
        return
    before = _draws(loop, generator)
    yield
    reasons = {
        "batch norms take the statistics of a process's share of the batch": any(n.training for n in batch_norms(loop.model)),
        "each process draws its own dropout, or whatever its loss draws": before != _draws(loop, generator),
    }
    loop.differs = "; ".join(reason for reason, there in reasons.items() if there)
    if loop.differs and loop.team.size > 1:
        remark(f"{loop.team.size} processes are not the training of one, beyond rounding: {loop.differs}", stacklevel=3)


def _draws(loop: "Loop", generator: "Generator") -> list[bytes]:
    """How far the generators are that a network and its loss may draw from."""
    import torch

    states = [generator.get_state(), torch.get_rng_state()]
    if loop.accelerator.device.type == "cuda":
        states.append(torch.cuda.get_rng_state())
    return [state.numpy().tobytes() for state in states]
