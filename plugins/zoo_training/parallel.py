"""Several processes: gradients added up, and the optimizer's states, gradients and parameters divided, stage by stage.

The stages are those of Rajbhandari, Rasley, Ruwase & He 2020, ZeRO: memory optimizations toward training trillion parameter
models, arXiv:1910.02054.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, distributed, nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.optim import Optimizer as TorchOptimizer

from zoo.errors import OptionError
from zoo.specs import Frozen, RecipeSpec
from zoo.training import Expected, Network
from zoo_training.memory import repeated_blocks

Build = Callable[[Sequence[nn.Parameter]], TorchOptimizer]
BUCKET = 25 << 20
"""Bytes of gradients that are sent at a time."""


class DataParallel(Frozen):
    """Every process has the whole network, and the gradients of its samples are added to those of the others.

    Not by torch's DistributedDataParallel, which sees only what goes through its own forward: losses here may call other parts
    of a network, or call it several times. So nothing is sent before the backward pass ends.
    """

    def check(self, recipe: RecipeSpec, build: Build, /) -> None:
        """Whatever can be trained can be trained so."""

    def distribute(self, model: nn.Module, /) -> None:
        """Nothing is divided."""

    def optimizer(self, build: Build, parameters: Sequence[nn.Parameter], /) -> TorchOptimizer:
        return build(parameters)

    def reduce(self, parameters: Sequence[nn.Parameter], /) -> None:
        for bucket in buckets(parameters):
            add_up(bucket)

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        """Nothing is divided but the batch, which is what the network's activations are of."""
        return {}


def buckets(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Parameters of one dtype in lists of about BUCKET bytes."""
    for dtype in dict.fromkeys(parameter.dtype for parameter in parameters):
        bucket: list[nn.Parameter] = []
        for parameter in parameters:
            if parameter.dtype == dtype:
                bucket.append(parameter)
            if sum(one.numel() * one.element_size() for one in bucket) >= BUCKET:
                yield bucket
                bucket = []
        if bucket:
            yield bucket


def add_up(bucket: Sequence[nn.Parameter]) -> None:
    """Sum the gradients over all processes. One that no process has stays absent; one number for each says so."""
    first = bucket[0]
    there = torch.tensor([parameter.grad is not None for parameter in bucket], dtype=first.dtype, device=first.device)
    columns = [(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).flatten() for parameter in bucket]
    flat = torch.cat([there, *columns])
    distributed.all_reduce(flat)
    sizes = [parameter.numel() for parameter in bucket]
    there, *columns = flat.split([len(bucket), *sizes])  # type: ignore[no-untyped-call]
    for parameter, column, has in zip(bucket, columns, there.tolist(), strict=True):
        if has:
            parameter.grad = column.view_as(parameter).clone()


class Zero1(DataParallel):
    """Stage 1: as data parallel, but each process has the optimizer's states of some of the parameters, and sends these on."""

    def check(self, recipe: RecipeSpec, build: Build, /) -> None:
        if not separable(build, lambda tensors: [tensors[:1], tensors[1:]]):
            raise OptionError(
                f"{recipe.optimizer.name} looks at all parameters together, so they cannot be divided among processes",
                "take another optimizer, such as training/adamw, or training/data-parallel",
            )

    def optimizer(self, build: Build, parameters: Sequence[nn.Parameter], /) -> TorchOptimizer:
        return Sharded(build, parameters)

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        """States are divided by whole parameters, so that the largest part is somewhat more than an even one."""
        return divided(("optimizer",), network, before)


class Sharded(ZeroRedundancyOptimizer):
    """torch's, around an optimizer that a function builds. Its state is whole in the first process when it is asked for."""

    def __init__(self, build: Build, parameters: Sequence[nn.Parameter]) -> None:
        def local(groups: list[dict[str, Any]], **_: Any) -> TorchOptimizer:
            own = [parameter for group in groups for parameter in group["params"]]
            return build(own) if own else torch.optim.SGD(groups, lr=0.0)

        super().__init__(parameters, local, **build(parameters).defaults)  # type: ignore[arg-type]
        self.state = self.optim.state

    def state_dict(self) -> dict[str, Any]:
        self.consolidate_state_dict(to=0)
        return super().state_dict() if self.rank == 0 else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "state": dict(state_dict["state"])})
        self.state = self.optim.state


class FullyShard(Frozen):
    """Stages 2 and 3, by torch's `fully_shard` (FSDP2): every process has a part of each parameter, gradient and state.

    A block's parameters are gathered when it is called. At stage 2 they stay until its backward pass, at stage 3 they are let go
    and gathered again. At rest both hold parts alone.
    """

    stage: Literal[2, 3] = Field(description="Of ZeRO.")

    def check(self, recipe: RecipeSpec, build: Build, /) -> None:
        name = f"training/zero-{self.stage}"
        if recipe.ema:
            raise OptionError(
                f"{name} divides the parameters, and the moving average would be a whole copy of them",
                "leave it out: `overrides.ema=null`; or take training/zero-1",
            )
        if any(text.partition(":")[0].rpartition("/")[2] == "fp16" for text in recipe.techniques):
            raise OptionError(f"training/fp16 scales gradients that {name} divides", "take training/bf16, or training/zero-1")
        if not separable(build, lambda tensors: [[t[: len(t) // 2] for t in tensors], [t[len(t) // 2 :] for t in tensors]]):
            raise OptionError(
                f"{recipe.optimizer.name} looks at whole matrices, or at all parameters together, and {name} divides each",
                "take another optimizer, such as training/adamw, or training/zero-1 if it takes matrices one by one",
            )

    def distribute(self, model: nn.Module, /) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, fully_shard

        device = next(model.parameters()).device.type
        mesh = init_device_mesh(device, (distributed.get_world_size(),))
        for module in [*repeated_blocks(model), model]:
            fully_shard(module, mesh=mesh, reshard_after_forward=self.stage == 3)
            assert isinstance(module, FSDPModule)
            module.set_gradient_divide_factor(1.0)  # losses are weighted by their share of the batch
            module.set_force_sum_reduction_for_comms(True)  # gloo has no other

    def optimizer(self, build: Build, parameters: Sequence[nn.Parameter], /) -> TorchOptimizer:
        return build(parameters)

    def reduce(self, parameters: Sequence[nn.Parameter], /) -> None:
        """Done in the backward pass."""

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        """At rest. Each parameter is divided by its rows, so that the first process has somewhat more than an even part."""
        return divided(("parameters", "gradients", "optimizer"), network, before)


def divided(kinds: Sequence[str], network: Network, before: Mapping[str, Expected]) -> dict[str, Expected]:
    """An even part of some kinds of memory, for each process."""
    found = {}
    for kind in kinds:
        whole, parts = before[kind], network.processes
        share = None if whole.bytes is None else -(-whole.bytes // parts)
        found[kind] = Expected(bytes=share, formula=whole.formula if share is None else f"({whole.formula}) / {parts} processes")
    return found


def separable(build: Build, cut: Callable[[list[Tensor]], list[list[Tensor]]]) -> bool:
    """Whether an optimizer moves parts of parameters as it moves the whole: tried on a few, with large and small gradients."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((300, 260), (300,), (260, 8, 3, 3))  # large, as some look at matrices only from a size on
    start = [torch.randn(shape, generator=generator) for shape in shapes]
    gradients = [[scale * torch.randn(shape, generator=generator) for shape in shapes] for scale in (10.0, 0.1, 1.0)]
    (whole,) = _moved(build, [start], [[step] for step in gradients])
    parts = _moved(build, cut(start), [cut(step) for step in gradients])
    return all(
        torch.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True)
        for together, apart in zip(cut(whole), parts, strict=True)
        for one, other in zip(together, apart, strict=True)
    )


def _moved(build: Build, starts: list[list[Tensor]], steps: list[list[list[Tensor]]]) -> list[list[Tensor]]:
    """Each list of tensors after some steps of an optimizer of its own."""
    found = []
    for place, tensors in enumerate(starts):
        parameters = [nn.Parameter(tensor.clone()) for tensor in tensors]
        optimizer = build(parameters)
        for gradients in steps:
            for parameter, gradient in zip(parameters, gradients[place], strict=True):
                parameter.grad = gradient.clone()
            optimizer.step()
        found.append([parameter.detach() for parameter in parameters])
    return found
