"""The loss and the learning rate of every step, kept thin: so many points at the most, however long a training is."""

import math
from typing import TYPE_CHECKING, Any

from pydantic import Field

from zoo.specs import Frozen

if TYPE_CHECKING:
    from torch import Tensor

POINTS = 1000


class StepCurve(Frozen):
    """Loss and rate over the steps of a training, of its first to its last."""

    every: int = Field(description="Steps that a point stands for; the last may stand for fewer.")
    losses: tuple[float, ...] = Field(description="Mean loss of these steps.")
    rates: tuple[float, ...] = Field(description="Learning rate of the last of these steps, of the first group of parameters.")


class Trace:
    """What `steps` steps tell, as a curve of `POINTS` points at the most."""

    def __init__(self, steps: int) -> None:
        self.every = max(1, math.ceil(steps / POINTS))
        self.losses: list[Any] = []
        self.rates: list[float] = []
        self.waiting: list[Any] = []
        self.rate = 0.0

    def take(self, loss: "Tensor", rate: float) -> None:
        """A step was taken. The loss stays where it is, so that a GPU need not wait."""
        self.waiting.append(loss)
        self.rate = rate
        if len(self.waiting) == self.every:
            self.losses.append(_mean(self.waiting))
            self.rates.append(rate)
            self.waiting = []

    def curve(self) -> StepCurve:
        """All steps so far."""
        losses, rates = [*self.losses], [*self.rates]
        if self.waiting:
            losses, rates = [*losses, _mean(self.waiting)], [*rates, self.rate]
        return StepCurve(every=self.every, losses=tuple(map(float, losses)), rates=tuple(rates))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        losses, waiting = list(map(float, self.losses)), list(map(float, self.waiting))
        return {"losses": losses, "rates": self.rates, "waiting": waiting, "rate": self.rate}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        vars(self).update(state)


def _mean(losses: list[Any]) -> Any:
    """The mean of numbers, or of tensors as one tensor."""
    return sum(losses) / len(losses) if len(losses) > 1 else losses[0]
