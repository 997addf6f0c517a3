"""A recipe's loss and its gradients, held still: by autograd through the trainer's step, or as the network itself has them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo.errors import ModelError, OptionError
from zoo.lazy import load_target
from zoo.seeds import seed_everything
from zoo.training.gradients import Variable
from zoo.training.job import TrainingJob, TrainingProgress
from zoo.turns import turn

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from zoo.training.loop import Loop

UNKNOWN = "its loss is not known"
TAKE_ANOTHER = "check another recipe of the model, or give the network a method `backpropagate` (zoo.training.HandWritten)"
DRAWS = "the loss draws at random, as for augmentation or dropout: every evaluation draws the same"


@runtime_checkable
class HandWritten(Protocol):
    """A network with backpropagation of its own, such as one in NumPy, whose gradients can be checked."""

    def backpropagate(self, inputs: "Tensor", targets: "Tensor", /) -> float:
        """The mean loss of a batch; leaves the gradient of every parameter."""

    def parameters(self) -> "Iterable[tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]]":
        """Name, value and gradient of every parameter; the values are the float64 arrays themselves, to be changed in place."""


class Differentiated(Protocol):
    """What a gradient check needs."""

    by: str
    """What computes the gradients."""
    samples: int
    notes: list[str]
    """What of the network is drawn or changes in training, and how it is held still."""

    def loss(self) -> float:
        """The loss of the batch at the present values of the parameters; the same at every call."""

    def variables(self) -> list[Variable]:
        """The parameters that are learnt, with their gradients at the present values."""


class ByHand:
    """A network's own backpropagation, on the first samples."""

    by = "its own backpropagation"

    def __init__(self, job: TrainingJob, network: HandWritten) -> None:
        self.network, self.notes = network, list[str]()
        self.samples = min(job.recipe.batch_size, len(job.train_inputs))
        self.inputs, self.targets = job.train_inputs.batch(range(self.samples)), job.train_inputs.targets[: self.samples]

    def loss(self) -> float:
        return float(self.network.backpropagate(self.inputs, self.targets))

    def variables(self) -> list[Variable]:
        import torch

        self.loss()
        found = []
        for name, value, gradient in self.network.parameters():
            if value.dtype != "float64":
                raise ModelError(f"parameter {name} is {value.dtype}, not float64: rounding hides what is to be seen")
            found.append(Variable(name, torch.from_numpy(value), torch.tensor(gradient, dtype=torch.float64)))
        return found


class Autograd:
    """Autograd through the first step of the recipe's trainer, up to its backward pass."""

    by = "autograd"

    def __init__(self, job: TrainingJob) -> None:
        import torch

        self.loop, self.seed, self.notes = loop_of(job), job.recipe.seed, list[str]()
        self.network: nn.Module = self.loop.accelerator.unwrap_model(self.loop.model)
        for part in (self.network, *vars(self.loop).values()):
            if isinstance(part, torch.nn.Module):
                part.double().train()
        self.loop.accelerator.backward = _reached
        self.loop.costs.rehearsed = True  # here a step goes no further than its loss
        drawn = self.loop.draw(torch.Generator().manual_seed(seed_everything(self.seed, 1)))[:1]
        indices, inputs = next(iter(self.loop.data.batches(drawn)))
        self.samples = len(indices)
        self.inputs, self.targets = widened(inputs), widened(self.loop.data.targets[indices])
        self.buffers = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        self.attributes = dict(vars(self.loop))

    def loss(self) -> float:
        return float(self._loss().detach())

    def variables(self) -> list[Variable]:
        """As of `Differentiated`; where no gradient reaches a parameter, it is 0."""
        import torch

        loss = self._loss()
        if loss.dtype != torch.float64:
            raise ModelError(f"the loss is {loss.dtype}, not float64: rounding hides what is to be seen")
        named = [*self.network.named_parameters(), *((f"loss.{name}", p) for name, p in self.loop.loss.named_parameters())]
        learnt = [(name, value) for name, value in named if value.requires_grad]
        self._note([name for name, value in named if not value.requires_grad])
        gradients = torch.autograd.grad(loss, [value for _, value in learnt], allow_unused=True)
        return [
            Variable(name, value.detach(), torch.zeros_like(value) if gradient is None else gradient.to_dense())
            for (name, value), gradient in zip(learnt, gradients, strict=True)
        ]

    def _loss(self) -> "Tensor":
        """What the first step goes down, with all that it draws, all buffers, and the loop's attributes as at its beginning."""
        import torch

        vars(self.loop).clear()
        vars(self.loop).update(self.attributes)
        for name, buffer in self.network.named_buffers():
            buffer.copy_(self.buffers[name])
        generator = torch.Generator().manual_seed(seed_everything(self.seed, "gradcheck"))
        before = torch.get_rng_state(), generator.get_state()
        try:
            self.loop._step(self.inputs, self.targets, 1, generator)
        except _Reached as reached:
            self._drawn = not all(map(torch.equal, before, (torch.get_rng_state(), generator.get_state())))
            return reached.loss
        raise ModelError(f"the first step of {self.loop.job.recipe.trainer} ends without a backward pass")

    def _note(self, frozen: list[str]) -> None:
        """Say what the evaluation before this did."""
        changed = [name for name, buffer in self.network.named_buffers() if not buffer.equal(self.buffers[name])]
        if self._drawn:
            self.notes.append(DRAWS)
        if changed:
            self.notes.append(
                f"training changes buffers, which are put back before every evaluation: {some(changed)}; "
                "batch normalisation takes the statistics of the batch"
            )
        if frozen:
            self.notes.append(f"not checked, since they are frozen: {some(frozen)}")


def some(names: list[str]) -> str:
    """The first names of a list."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


class _Reached(Exception):  # noqa: N818 - no error: the step has come as far as it should
    """The backward pass of a loss."""

    def __init__(self, loss: "Tensor") -> None:
        self.loss = loss


def _reached(loss: "Tensor", **_: Any) -> None:
    raise _Reached(loss)


class _Started(Exception):  # noqa: N818 - no error either
    """A trainer's loop is about to begin."""

    def __init__(self, loop: "Loop") -> None:
        self.loop = loop


def loop_of(job: TrainingJob, unknown: str = UNKNOWN, hint: str = TAKE_ANOTHER) -> "Loop":
    """The loop that the recipe's trainer would run. Raises OptionError, what is `unknown`, where it has another way to train."""

    def started(loop: "Loop") -> None:
        raise _Started(loop)

    def progress(step: TrainingProgress) -> None:
        if step.epoch:
            raise other

    other = OptionError(
        f"{job.recipe.name} is trained by {job.recipe.trainer}, which is no zoo.training.Loop, so that {unknown}",
        hint,
    )
    try:
        load_target(job.recipe.trainer)(job.changed(started=started, progress=progress))
    except _Started as caught:
        return caught.loop
    raise other


@contextmanager
def in_float64() -> Iterator[None]:
    """In the block new tensors are float64, and what is cast to a narrower type is cast to float64 instead."""
    import torch
    from torch.overrides import TorchFunctionMode

    narrow = {torch.float32, torch.float16, torch.bfloat16}
    casts = {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16}

    def wide(value: Any) -> Any:
        return torch.float64 if isinstance(value, torch.dtype) and value in narrow else value

    class Wide(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            function = torch.Tensor.double if function in casts else function
            return function(*map(wide, args), **{name: wide(value) for name, value in (kwargs or {}).items()})

    with turn():  # the default is the process's
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with Wide():
                yield
        finally:
            torch.set_default_dtype(before)


def widened(inputs: Any) -> Any:
    """Floating-point tensors as float64, in a dict or a list too; anything else as it is."""
    if hasattr(inputs, "is_floating_point"):
        return inputs.double() if inputs.is_floating_point() else inputs
    if isinstance(inputs, dict):
        return {name: widened(column) for name, column in inputs.items()}
    return [widened(item) for item in inputs] if type(inputs) is list else inputs
