"""Networks with what a gradient check must find, or must not stumble over."""

from itertools import count

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.training import Loop, TrainingJob, TrainingProgress, TrainResult


class Bent(torch.autograd.Function):
    """The identity of a weight, whose backward pass is wrong in one entry by a thousandth."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, weight: Tensor) -> Tensor:
        return weight.clone()

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        bent = gradient.clone()
        bent[7, 11] *= 1.001
        return bent


class Linear(nn.Module):
    """Softmax regression on digits."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(images.flatten(1))))


class OneEntryWrong(Linear):
    def forward(self, images: Tensor) -> Tensor:
        return self.last(torch.tanh(F.linear(images.flatten(1), Bent.apply(self.first.weight), self.first.bias)))


class Detached(Linear):
    def forward(self, images: Tensor) -> Tensor:
        return self.last(torch.tanh(F.linear(images.flatten(1), self.first.weight.detach(), self.first.bias)))


class Narrow(Linear):
    """Casts to float32 on its way, as networks for mixed precision do."""

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh(self.first(images.flatten(1))).float().to(torch.float32)
        return self.last(hidden + torch.zeros(16, dtype=torch.float32))


class ThroughNumPy(Linear):
    """Leaves autograd, and comes back in float32."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(super().forward(images).detach().numpy().astype("float32"))


class Restless(Linear):
    """Never the same twice, whatever the seeds."""

    calls = count()

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * (1 + next(self.calls) / 10)


class Infinite(Linear):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) / 0 if self.training else super().forward(images)


class Corners(nn.Module):
    """Every unit stands at the corner of its ReLU: biases are 0, and so is what they are added to."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(10))
        self.scale = nn.Parameter(torch.ones(10))

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(0 * images.flatten(1)[:, :10] + self.bias) + self.scale * images.flatten(1)[:, 20:30]


class Unused(Linear):
    """Has a parameter on which nothing depends, and a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Parameter(torch.ones(3))
        self.first.weight.requires_grad_(False)


class Frozen(Linear):
    def __init__(self) -> None:
        super().__init__()
        self.requires_grad_(False)


class NeitherNor:
    """Has parameters, but no gradients."""

    def parameters(self) -> list[int]:
        return [1]


class Remembering(Linear):
    """Counts its steps of training, in a buffer, and answers accordingly."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        self.steps += self.training
        return super().forward(images) * self.steps


class CountingLoop(Loop):
    """Remembers, in an attribute, how often it was asked for a loss, as one does that carries a state from batch to batch."""

    calls = 0

    def batch_loss(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        self.calls += 1
        return self.calls * super().batch_loss(inputs, targets, generator)


def train_counting(job: TrainingJob) -> TrainResult:
    return CountingLoop(job).run()


def train_otherwise(job: TrainingJob) -> TrainResult:
    """A trainer that has a loop of its own."""
    job.build_model()
    job.report(TrainingProgress(1, 1, 1, 1))
    raise AssertionError("it trained on")
