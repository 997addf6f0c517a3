"""What training holds in memory, made less: activations computed again, and batches in parts."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from zoo.errors import OptionError
from zoo.remarks import remark
from zoo.specs import Frozen
from zoo.training import Expected, Network

PRODUCTS = {
    torch.ops.aten.mm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.convolution.default,
}
"""What selective checkpointing keeps: results that are dear to compute and small beside what is computed from them."""


class ActivationCheckpointing(Frozen):
    """Blocks keep their inputs alone, and are computed once more in the backward pass.

    Gradients are the same to the last bit: draws of dropout are repeated, and batch norms count a batch once.
    Source: Chen, Xu, Zhang & Guestrin 2016, Training deep nets with sublinear memory cost, arXiv:1604.06174.
    """

    every: int = Field(default=1, ge=1, description="Every how manieth block: 1 is all of them.")
    blocks: str = Field(default="", description="Pattern of module names, such as blocks.*; empty: blocks that are repeated.")
    keep: Literal["inputs", "products"] = Field(
        default="inputs", description="products: results of matrix products and convolutions, too, which are dear to compute."
    )

    def apply(self, model: nn.Module, /) -> None:
        for block in self._blocks(model)[:: self.every]:
            # The module itself stays in its place, so that parameters keep their names.
            block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=self._contexts(block))

    def parts(self, batch: int, /) -> int:
        return 1

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        if self.keep == "products":
            return {"activations": Expected(bytes=None, formula="no formula: which products a block has is its own affair")}
        chosen = {id(block) for block in self._blocks(network.module)[:: self.every]}
        names = [name for name, module in network.module.named_modules() if id(module) in chosen]
        whole, kept, old = network.held(), network.held(names), before["activations"]
        if not whole or kept is None or old.bytes is None:
            return {"activations": Expected(bytes=None, formula=old.formula)}
        of = f"inputs of {len(names)} block{'s' * (len(names) > 1)}, and what is outside: {kept / whole:.1%} of {old.formula}"
        return {"activations": Expected(bytes=round(old.bytes * (kept / whole)), formula=of)}

    def _blocks(self, model: nn.Module) -> list[nn.Module]:
        named = dict(model.named_modules())
        if self.blocks:
            found = [module for name, module in named.items() if fnmatch(name, self.blocks)]
        else:
            found = repeated_blocks(model)
        if not found:
            some = ", ".join([name for name, _ in model.named_children()][:8])
            raise OptionError(
                f"{type(model).__name__} has no blocks {self.blocks or 'that are repeated'}, so none can be computed again",
                f"name them by `blocks`, a pattern of module names; it has {some}",
            )
        return found

    def _contexts(self, block: nn.Module) -> Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]:
        def both() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
            first, again = nullcontext(), counted_once(block)
            if self.keep == "products":
                kept, used = create_selective_checkpoint_contexts(_policy)  # type: ignore[no-untyped-call]
                return kept, _nested(used, again)
            return first, again

        return both


def _policy(context: Any, op: Any, *arguments: Any, **named: Any) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if op in PRODUCTS else CheckpointPolicy.PREFER_RECOMPUTE


@contextmanager
def _nested(*contexts: AbstractContextManager[Any]) -> Iterator[None]:
    with contexts[0], contexts[1]:
        yield


@contextmanager
def counted_once(block: nn.Module) -> Iterator[None]:
    """Within the block batch norms do not take a batch into their running statistics, in which it already is."""
    norms = [module for module in block.modules() if isinstance(module, _NormBase) and module.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked


def repeated_blocks(model: nn.Module) -> list[nn.Module]:
    """Members of its lists and sequences that are of one class and have children of their own, the outermost ones."""
    found: list[nn.Module] = []
    for module in model.children():
        members = list(module.children()) if isinstance(module, (nn.ModuleList, nn.Sequential)) else []
        classes = [type(member) for member in members]
        blocks = [member for member in members if classes.count(type(member)) > 1 and list(member.children())]
        found += blocks if blocks else repeated_blocks(module)
    return found


class GradientAccumulation(Frozen):
    """A batch goes through the network in parts, whose gradients add up to that of the whole batch, to rounding.

    Not so where samples of a batch depend on each other, as by batch norm, or on what was drawn before: it is said.
    """

    steps: int = Field(default=4, ge=2, description="Parts of a batch.")

    def apply(self, model: nn.Module, /) -> None:
        if any(isinstance(module, _NormBase) and module.track_running_stats for module in model.modules()):
            remark(
                "gradient accumulation: batch norms see a part of a batch at a time, so this is not the training of whole batches"
            )

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        old, part = before["activations"], math.ceil(network.batch / self.steps)
        whole, held = network.held(), replace(network, batch=part).held()
        if not whole or held is None or old.bytes is None:
            return {}
        of = f"{part:,} of {network.batch:,} samples at a time: {held / whole:.1%} of {old.formula}"
        return {"activations": Expected(bytes=round(old.bytes * (held / whole)), formula=of)}

    def parts(self, batch: int, /) -> int:
        if self.steps > batch:
            raise OptionError(f"a batch of {batch} cannot go in {self.steps} parts", "lower `steps`, or raise `batch_size`")
        return self.steps
