"""The processes of a training, seen from one of them: its share of a batch, and what they exchange."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError
from zoo.training.checkpoint import divided_as, restore
from zoo.training.differing import batch_norms
from zoo.training.techniques import ParallelTechnique

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer

    from zoo.training.job import TrainingJob
    from zoo.training.loop import Loop


class Team:
    """One process of `size`. Of one alone nothing is exchanged: every method gives back what it is given."""

    def __init__(self, job: "TrainingJob") -> None:
        self.job = job
        self.rank, self.size = job.rank, job.processes
        found = job.techniques.of("parallel")
        self.technique: ParallelTechnique | None = found[0] if found else None
        self._whole: nn.Module | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that validates, writes and tells."""
        return self.rank == 0

    def share(self, batch: int) -> tuple[int, int]:
        """Where this process's samples of a batch begin and end; none of a batch smaller than the team may be its own."""
        return round(batch * self.rank / self.size), round(batch * (self.rank + 1) / self.size)

    def check(self, loop: "Loop", model: "nn.Module") -> None:
        """Raises OptionError where processes cannot share a batch: samples are compared, or a batch norm would get one alone."""
        if self.size == 1:
            return
        if not loop.separable:
            raise OptionError(
                f"{self.job.recipe.name} compares the samples of a batch with each other, so processes cannot share a batch",
                "train it in one process: `processes=1`",
            )
        size = self.job.recipe.batch_size
        last = len(loop.data) % size
        smallest = last if last > 1 else size
        if smallest < 2 * self.size and batch_norms(model):
            raise OptionError(
                f"a batch of {smallest} leaves some of {self.size} processes one sample, and batch norms need two",
                f"take fewer `processes`, or another size of batch: `overrides.batch_size={size + 1}`",
            )

    def check_divided(self, loop: "Loop", model: "nn.Module") -> None:
        """Raises OptionError where parameters are divided of which the trainer has need."""
        if self.divides(model) and not loop.divisible:
            raise OptionError(
                f"the trainer of {self.job.recipe.name} does more with the network than call it, so it cannot be divided",
                "take training/zero-1, which divides the optimizer's states alone",
            )

    def distribute(self, model: "nn.Module") -> None:
        """Make a network the same in all processes, that of the first, and divide it as the technique does."""
        if self.technique is not None:
            self.same([*model.parameters(), *model.buffers()])
            self.technique.distribute(model)

    def divides(self, model: "nn.Module") -> bool:
        """Whether no process has all of the network's parameters."""
        if self.size == 1:
            return False
        from torch.distributed.tensor import DTensor

        return any(isinstance(parameter, DTensor) for parameter in model.parameters())

    def optimizer(
        self, build: "Callable[[Sequence[nn.Parameter]], TorchOptimizer]", parameters: "Sequence[nn.Parameter]"
    ) -> "TorchOptimizer":
        """The optimizer of the parameters, divided as the technique does."""
        return build(parameters) if self.technique is None else self.technique.optimizer(build, parameters)

    def reduce(self, parameters: "Sequence[nn.Parameter]") -> None:
        """Make every gradient the sum of those of all processes."""
        if self.technique is not None:
            self.technique.reduce(parameters)

    def same(self, tensors: "Iterable[Tensor]") -> None:
        """Give all processes the first one's tensors, in place. DTensors, which are divided, stay."""
        if self.size == 1:
            return
        import torch
        from torch import distributed
        from torch.distributed.tensor import DTensor

        with torch.no_grad():
            for tensor in tensors:
                if not isinstance(tensor, DTensor):
                    distributed.broadcast(tensor.detach(), 0)

    def summed(self, tensor: "Tensor") -> "Tensor":
        """The sum of every process's tensor, of one shape."""
        if self.size == 1:
            return tensor
        from torch import distributed

        total = tensor.detach().clone()
        distributed.all_reduce(total)
        return total

    def largest(self, numbers: Sequence[int], device: Any) -> list[int]:
        """The largest of every process's numbers, one by one."""
        if self.size == 1:
            return list(numbers)
        import torch
        from torch import distributed

        found = torch.tensor(numbers, dtype=torch.int64, device=device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return [int(number) for number in found.tolist()]

    def gathered(self, state: Any) -> Any:
        """A state with whole tensors in the place of divided ones, in every process."""
        if self.size == 1:
            return state
        from torch.distributed.tensor import DTensor

        if isinstance(state, DTensor):
            return state.full_tensor()
        if isinstance(state, dict):
            return {key: self.gathered(value) for key, value in state.items()}
        return [self.gathered(value) for value in state] if type(state) is list else state

    def divided(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        """An optimizer's whole state, divided as its parameters are."""
        if self.size == 1:
            return state
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        states = {
            index: {
                name: divided_as(parameters[index], value) if getattr(value, "shape", None) == parameters[index].shape else value
                for name, value in values.items()
            }
            for index, values in state["state"].items()
        }
        return {**state, "state": states}

    def whole(self, model: "nn.Module") -> "nn.Module":
        """The network itself, or in the first process a whole one with its present parameters, where they are divided."""
        if not self.divides(model):
            return model
        state = self.gathered(model.state_dict())
        if self.first:
            if self._whole is None:
                self._whole = self.job.build_model().to(self.job.device)
            restore(self._whole, state)
        return model if self._whole is None else self._whole
