"""Gradients against central differences: is what backpropagation gives the derivative of the loss?

Along a direction v the derivative is ⟨∂L/∂θ, v⟩, and (L(θ + h·v) - L(θ - h·v)) / 2h up to an error of the order of h².
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from zoo.specs import Frozen

if TYPE_CHECKING:
    from torch import Generator, Tensor

STEPS = (1e-5, 1e-6, 1e-7)
"""Lengths h, the next where a corner of a ReLU or a maximum may lie within the one before; rounding then weighs more."""
ROUNDING = 10.0
"""Units in the last place by which a loss may be rounded."""
BEND = 1e-3
"""Of a derivative, by how much those to both sides differ at a corner; where the loss is smooth, it is about the step."""


class Variable(NamedTuple):
    """A parameter: its value, float64, changed in place while it is checked, and the gradient that backpropagation gave it."""

    name: str
    value: "Tensor"
    gradient: "Tensor"


class ParameterCheck(Frozen):
    """How far the gradient of one parameter is from central differences, at the worst of those compared.

    An error is |gradient - difference| / max(|gradient|, |difference|), where both are larger than rounding can tell from 0.
    """

    name: str
    shape: tuple[int, ...]
    compared: int = Field(description="Derivatives by single entries, and one along a random direction through all of them.")
    corners: int = Field(description="Of these, how many are not judged: the loss has a corner there, such as a ReLU at 0.")
    error: float = Field(description="The largest error.")
    entry: tuple[int, ...] | None = Field(description="The entry where it is; None: along the random direction.")
    gradient: float = Field(description="What backpropagation says there.")
    difference: float = Field(description="What the central difference says.")

    @property
    def place(self) -> str:
        """`c1.weight[0, 0, 2, 3]`."""
        return self.name + ("" if self.entry is None else str(list(self.entry)))


class Derivative(NamedTuple):
    """One derivative, twice."""

    error: float
    gradient: float
    difference: float
    corner: bool = False


def compare(
    variable: Variable, loss: Callable[[], float], at_rest: float, entries: int, tolerance: float, generator: "Generator"
) -> ParameterCheck:
    """Compare the gradient of a parameter: at its largest entry, at others drawn at random, and along a random direction.

    `loss` evaluates the loss at the present values, and must be deterministic; it is `at_rest` where nothing is changed.
    """
    shape = tuple(variable.value.shape)

    def along(direction: "Tensor") -> Derivative:
        return _derivative(variable, direction, loss, at_rest, tolerance)

    found: list[tuple[int | None, Derivative]] = [
        (place, along(_unit(variable.value, place))) for place in _places(variable.gradient, entries, generator)
    ]
    whole = along(_signs(variable.value, generator))
    if any(derivative.corner for _, derivative in found):  # which the direction through all entries passes, too
        whole = whole._replace(corner=whole.error > tolerance)
    found.append((None, whole))
    judged = [(place, derivative) for place, derivative in found if not derivative.corner]
    place, worst = max(judged, key=lambda item: item[1].error, default=(None, Derivative(0.0, 0.0, 0.0)))
    return ParameterCheck(
        name=variable.name,
        shape=shape,
        compared=len(found),
        corners=len(found) - len(judged),
        error=worst.error,
        entry=None if place is None else _index(place, shape),
        gradient=worst.gradient,
        difference=worst.difference,
    )


def _derivative(
    variable: Variable, direction: "Tensor", loss: Callable[[], float], at_rest: float, tolerance: float
) -> Derivative:
    """The derivative along a direction of length 1, by the longest step that agrees with the gradient, if any does.

    Derivatives to both sides differ by `bend`, and the central one is between them: so far off a corner may put it.
    """
    import torch

    eps = torch.finfo(torch.float64).eps
    gradient = float((variable.gradient * direction).sum())
    kept, tried = variable.value.clone(), []
    for step in STEPS:
        variable.value.copy_(kept + step * direction)
        up = loss()
        variable.value.copy_(kept - step * direction)
        down = loss()
        variable.value.copy_(kept)
        noise = ROUNDING * eps * max(abs(up), abs(down)) / step
        difference, bend = (up - down) / (2 * step), abs(up + down - 2 * at_rest) / step
        off = abs(gradient - difference)
        tried.append(Derivative(off / max(abs(gradient), abs(difference), noise / tolerance), gradient, difference))
        if tried[-1].error <= tolerance:
            return tried[-1]
        if off > bend + noise:  # more than a corner within the step could do
            return tried[0]
    return tried[0]._replace(corner=bend > max(10 * noise, BEND * max(abs(gradient), abs(difference))))


def _places(gradient: "Tensor", entries: int, generator: "Generator") -> Sequence[int]:
    """Positions in the flattened parameter: all where there are few, else the largest gradient and random others."""
    import torch

    if gradient.numel() <= entries:
        return range(gradient.numel())
    largest = int(gradient.abs().argmax())
    drawn: list[int] = torch.randperm(gradient.numel(), generator=generator)[:entries].tolist()
    return [largest, *(place for place in drawn if place != largest)][:entries]


def _unit(value: "Tensor", place: int) -> "Tensor":
    import torch

    direction = torch.zeros(value.numel(), dtype=value.dtype)
    direction[place] = 1
    return direction.view(value.shape)


def _signs(value: "Tensor", generator: "Generator") -> "Tensor":
    """A direction of length 1 in which all entries have a part of equal size: an error in any of them shows."""
    import torch

    coins = torch.randint(2, value.shape, generator=generator).to(value)
    direction: Tensor = (2 * coins - 1) / max(value.numel(), 1) ** 0.5
    return direction


def _index(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    import numpy as np

    return tuple(int(i) for i in np.unravel_index(place, shape))
