"""Counting what training costs: one rehearsal of the first batch, which leaves no trace, and a clock about every step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from zoo.counting.tensors import local, storage_bytes
from zoo.seeds import seeded
from zoo.training.cost import Expected, TrainingCost
from zoo.training.expected import Network, expected
from zoo.training.job import cut
from zoo.training.saved import Saves, watching
from zoo.training.traffic import traffic_counter

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from zoo.training.loop import Loop

SMALL = (2, 3, 4)
"""Samples of the small batches from which formulas of activations follow."""
FIRST = 3
"""Steps that the clock leaves out: libraries choose their kernels, and allocators grow."""


class Enough(Exception):  # noqa: N818 - no error: as many steps were taken as were asked for
    """Ends a training whose costs alone are wanted."""


class Costs:
    """What one process of a training takes."""

    limit: int | None = None
    """Steps after which `Enough` is raised, before another."""

    def __init__(self, loop: "Loop") -> None:
        self.loop = loop
        self.rehearsed = False
        """Whether the first batch was counted, or is not to be."""
        self.activations: int | None = None
        self.peak: int | None = None
        self.expected: dict[str, Expected] = {}
        self.operations: int | None = None
        self.gradients = self.states = self.skipped = self.sent = 0
        self.traffic: Any = None
        self.seconds: list[float] = []
        self.samples: list[int] = []

    @contextmanager
    def step(self, samples: int) -> "Iterator[None]":
        """Within the block a step is taken; its seconds count, but for the rehearsal in the first."""
        if len(self.seconds) == self.limit:
            raise Enough
        started = time.perf_counter()
        with self._counting_traffic():
            yield
        self.seconds.append(time.perf_counter() - started)
        self.samples.append(samples)

    @contextmanager
    def _counting_traffic(self) -> "Iterator[None]":
        """What is sent in the block, in the first steps, whose time does not count."""
        team = self.loop.team
        if team.size == 1 or len(self.seconds) >= FIRST:
            yield
            return
        self.traffic = traffic_counter(team.size)
        with self.traffic:
            yield
        self.sent = round(self.traffic.sent)

    def rehearse(self, inputs: Any, targets: "Tensor", generator: "Generator") -> None:
        """The gradients of the first batch once more, beforehand, counted; parameters, buffers and draws are put back.

        Of a compiled network the operations are those that are written; what the compiler keeps of activations is its own affair.
        """
        if self.rehearsed:
            return
        self.rehearsed = True
        with self.loop.as_written():
            self._rehearse(inputs, targets, generator)
        if self.loop.compilers:
            self.activations = self.peak = None
        if self.traffic is not None:
            self.traffic.sent = 0

    def _rehearse(self, inputs: Any, targets: "Tensor", generator: "Generator") -> None:
        from zoo.counting.living import Living
        from zoo.counting.operations import counted_operations

        model = self.loop.accelerator.unwrap_model(self.loop.model)
        with self._without_trace(generator):
            living = Living(_there(model, inputs))
            with held(model, inputs) as tally, living:
                self.loop.backward(inputs, targets, generator)
            self.peak = living.most(local(p.grad) for p in self._learnt() if p.grad is not None)
        # Fused attention is not counted, and saves less than the plain one: so the one is counted apart from the other.
        with self._without_trace(generator), counted_operations() as operations:
            self.loop.backward(inputs, targets, generator)
        self.activations, self.operations = tally.most, operations.flops
        self.expected = expected(self.loop.job.techniques, self.network(inputs, targets, generator))

    def network(self, inputs: Any, targets: "Tensor", generator: "Generator") -> Network:
        """What formulas of memory take: the network without techniques of memory, and what small batches of it save."""
        loop = self.loop
        changed = bool(loop.memory) or loop.team.size > 1
        with seeded(loop.job.recipe.seed, "parameters"):
            plain = loop.job.build_model().to(loop.accelerator.device).train() if changed else None
        with self._without_trace(generator):
            if plain is not None:
                loop.model = plain
            module = loop.accelerator.unwrap_model(loop.model)
            sizes = [] if isinstance(inputs, list) else [count for count in SMALL if count <= len(targets)] or [len(targets)]
            saves = self._saves(module, inputs, targets, sizes, generator)
        first, last = loop.team.share(len(targets))
        return Network(module, loop.job.recipe.optimizer, self._learnt(), last - first, loop.team.size, saves)

    def _saves(
        self, module: Any, inputs: Any, targets: "Tensor", sizes: "list[int]", generator: "Generator"
    ) -> "list[tuple[int, Saves]]":
        """What small batches save; nothing where they tell nothing of larger ones, or cannot be."""
        if not self.loop.separable:  # samples may be compared with each other
            return []
        try:
            return [self._saved(module, inputs, targets, count, generator) for count in sizes]
        except (RuntimeError, ValueError):  # of a network, or a loss, that wants more samples: training goes on without a formula
            return []

    def _saved(self, module: Any, inputs: Any, targets: "Tensor", count: int, generator: "Generator") -> "tuple[int, Saves]":
        """What a small batch saves."""
        few = cut(inputs, 0, count)
        with (
            self._without_trace(generator),
            watching(module, _there(module, inputs)) as saves,
        ):
            loss = self.loop.autocast_loss(few, targets[:count], generator)
        del loss
        return count, saves

    def _learnt(self) -> "list[nn.Parameter]":
        return [parameter for group in self.loop.optimizer.param_groups for parameter in group["params"]]

    @contextmanager
    def _without_trace(self, generator: "Generator") -> "Iterator[None]":
        """Buffers, gradients, draws and what the loop keeps from batch to batch are afterwards as before."""
        import torch

        loop, device = self.loop, self.loop.accelerator.device
        state = {**vars(loop), "_told": {name: list(values) for name, values in loop._told.items()}}
        modules = (loop.accelerator.unwrap_model(loop.model), loop.loss)
        buffers = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
        drawn = generator.get_state()
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
        loop.optimizer.zero_grad()
        generator.set_state(drawn)
        vars(loop).clear()
        vars(loop).update(state)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)

    def before_update(self) -> None:
        """Gradients are there."""
        if not self.gradients:
            self.gradients = storage_bytes(p.grad for p in self.loop.model.parameters() if p.grad is not None)

    def after_update(self) -> None:
        """The optimizer has its states."""
        self.skipped += bool(self.loop.accelerator.optimizer_step_was_skipped)
        if not self.states:
            states = [value for state in self.loop.optimizer.state.values() for value in state.values()]
            self.states = storage_bytes(value for value in states if hasattr(value, "untyped_storage"))

    def summed(self) -> TrainingCost:
        """The cost of all steps so far."""
        import torch

        model = self.loop.accelerator.unwrap_model(self.loop.model)
        later = slice(FIRST, None)
        seconds = median(self.seconds[later]) if len(self.seconds) > FIRST else None
        device = self.loop.accelerator.device
        on_gpu = device.type == "cuda"
        parameters = storage_bytes([*model.parameters(), *model.buffers()])
        peak = torch.cuda.max_memory_allocated() if on_gpu else 0
        counted = [parameters, self.gradients, self.states, self.activations or 0, self.peak or 0, peak, self.sent]
        parameters, gradients, states, activations, living, peak, sent = self.loop.team.largest(counted, device)
        return TrainingCost(
            parameter_bytes=parameters,
            gradient_bytes=gradients,
            optimizer_bytes=states,
            activation_bytes=None if self.activations is None else activations,
            activation_peak_bytes=None if self.peak is None else living,
            flops=self.operations,
            communication_bytes=sent,
            peak_bytes=peak if on_gpu else None,
            step_seconds=seconds,
            samples_per_second=median(self.samples[later]) / seconds if seconds else None,
            steps=len(self.seconds),
            skipped=self.skipped,
            expected=self.expected,
        )


def is_parameter(tensor: "Tensor") -> bool:
    """Whether a tensor is a parameter, or a view of one."""
    from torch.nn import Parameter

    return isinstance(tensor, Parameter) or isinstance(tensor._base, Parameter)


class Tally:
    """Bytes held now, and at the most."""

    def __init__(self, left_out: set[int]) -> None:
        self.left_out = left_out
        self.holders: dict[int, int] = {}
        self.bytes = self.most = 0

    def take(self, tensor: "Tensor") -> "Saved":
        """A tensor is saved for the backward pass."""
        return Saved(self, tensor)


class Saved:
    """A saved tensor, counted until the graph lets go of it; several of one storage count once."""

    def __init__(self, tally: Tally, tensor: "Tensor") -> None:
        storage = tensor.untyped_storage()
        self.tally, self.tensor, self.storage, self.size = tally, tensor, storage.data_ptr(), storage.nbytes()
        # Nor do parameters that are divided at rest and gathered for a while, whose storage may be another's afterwards.
        self.counts = self.storage not in tally.left_out and not is_parameter(tensor)
        if not self.counts:
            return
        count = tally.holders.get(self.storage, 0)
        tally.holders[self.storage] = count + 1
        if not count:
            tally.bytes += self.size
            tally.most = max(tally.most, tally.bytes)

    def __del__(self) -> None:
        tally = self.tally
        if not self.counts:
            return
        tally.holders[self.storage] -= 1
        if not tally.holders[self.storage]:
            tally.bytes -= self.size


@contextmanager
def held(model: Any, inputs: Any) -> "Iterator[Tally]":
    """Within the block, what autograd saves is counted; parameters, buffers and inputs are there anyway."""
    from torch.autograd.graph import saved_tensors_hooks

    tally = Tally({tensor.untyped_storage().data_ptr() for tensor in _there(model, inputs)})
    with saved_tensors_hooks(tally.take, lambda saved: saved.tensor):
        yield tally


def _there(model: Any, inputs: Any) -> "list[Tensor]":
    """What is in memory whatever is computed: parameters, buffers, and the tensors that inputs of a batch are, or have."""
    columns = inputs.values() if isinstance(inputs, dict) else [inputs]
    given = [column for column in columns if hasattr(column, "untyped_storage")]
    return [local(tensor) for tensor in (*model.parameters(), *model.buffers(), *given)]
