"""The layers that bounds go through: affine ones in float64, ReLU, and changes of shape."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.nn.grad import conv2d_input

Pair = tuple[int, int]

WINDOW = 1024
"""Numbers of a window up to which what it sees is computed by one matrix."""


@dataclass
class Layer:
    """A step of the chain; `inside` and `outside` are the shapes of one sample before and behind it."""

    def __post_init__(self) -> None:
        self.inside: Sequence[int] = ()
        self.outside: Sequence[int] = ()


@dataclass
class Relu(Layer):
    """max(z, 0), elementwise."""


@dataclass
class Reshape(Layer):
    """Another shape, such as a flat one, of the same numbers."""


@dataclass
class Affine(Layer, ABC):
    """A x + b. `weight` stands for A; `bias` [broadcastable to the output], and `bulk` the size of what b is added up from."""

    weight: Tensor
    bias: Tensor
    bulk: Tensor

    @property
    @abstractmethod
    def terms(self) -> int:
        """The most products that are added up for one output."""

    @abstractmethod
    def times(self, weight: Tensor, inputs: Tensor) -> Tensor:
        """What a weight makes of inputs [b, *inside]: A itself, or |A|, or A with each number squared."""

    @abstractmethod
    def back(self, rows: Tensor) -> Tensor:
        """Rows of a matrix [s, *outside] times A: [s, *inside]."""

    def __call__(self, inputs: Tensor) -> Tensor:
        return self.times(self.weight, inputs) + self.bias


@dataclass
class Dense(Affine):
    """`weight` [outputs, inputs]."""

    @property
    def terms(self) -> int:
        return self.weight.shape[1]

    def times(self, weight: Tensor, inputs: Tensor) -> Tensor:
        return inputs @ weight.T

    def back(self, rows: Tensor) -> Tensor:
        return rows @ self.weight


@dataclass
class Convolution(Affine):
    """`weight` [outputs, inputs / groups, h, w]; zeros stand beyond the border."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    @property
    def terms(self) -> int:
        return self.weight[0].numel()

    def times(self, weight: Tensor, inputs: Tensor) -> Tensor:
        return F.conv2d(inputs, weight, None, self.stride, self.padding, self.dilation, self.groups)

    def back(self, rows: Tensor) -> Tensor:
        shape = (len(rows), *self.inside)
        read: Any = conv2d_input  # which has no types
        back: Tensor = read(shape, self.weight, rows, self.stride, self.padding, self.dilation, self.groups)
        return back

    def back_window(self, rows: Tensor) -> Tensor:
        """The same of windows [s, outputs, h, w] of larger maps: what they see, [s, inputs, h', w'], wherever they are.

        As a product of matrices where that of a small window is small: ten times as fast as one convolution a row.
        """
        size = rows[0].numel()
        if size > WINDOW:
            return self._transposed(rows)
        key = tuple(rows.shape[1:])
        if key not in self._matrices:
            self._matrices[key] = self._transposed(torch.eye(size, dtype=rows.dtype, device=rows.device).view(size, *key))
        matrix = self._matrices[key]
        return (rows.flatten(1) @ matrix.flatten(1)).view(len(rows), *matrix.shape[1:])

    def _transposed(self, rows: Tensor) -> Tensor:
        return F.conv_transpose2d(rows, self.weight, None, self.stride, 0, 0, self.groups, self.dilation)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._matrices: dict[tuple[int, ...], Tensor] = {}


@dataclass
class Scale(Affine):
    """A factor for each number, `weight` [broadcastable to the input]: normalisation, or a constant."""

    @property
    def terms(self) -> int:
        return 1

    def times(self, weight: Tensor, inputs: Tensor) -> Tensor:
        return weight * inputs

    def back(self, rows: Tensor) -> Tensor:
        return rows * self.weight


def dense(weight: Tensor, bias: Tensor | None) -> Dense:
    """A dense layer of weight [outputs, inputs]."""
    bias = torch.zeros(len(weight), device=weight.device) if bias is None else bias
    return Dense(weight.double(), bias.double(), bias.double().abs())


def convolution(weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Convolution:
    """A convolution of weight [outputs, inputs / groups, h, w]."""
    bias = torch.zeros(len(weight), device=weight.device) if bias is None else bias
    bias = bias.double().view(-1, 1, 1)
    return Convolution(weight.double().contiguous(), bias, bias.abs(), stride, padding, dilation, groups)


def pooling(channels: int, size: Pair, stride: Pair, padding: Pair, like: Tensor) -> Convolution:
    """The mean over windows, zeros beyond the border counted."""
    weight = torch.full((channels, 1, *size), 1 / (size[0] * size[1]), dtype=torch.float64, device=like.device)
    return convolution(weight, None, stride, padding, (1, 1), channels)


def padding(channels: int, sides: Pair, like: Tensor) -> Convolution:
    """Zeros about each map: (rows above and below, columns left and right)."""
    weight = torch.ones((channels, 1, 1, 1), dtype=torch.float64, device=like.device)
    return convolution(weight, None, (1, 1), sides, (1, 1), channels)


def scale(factor: Tensor, shift: Tensor, bulk: Tensor | None = None) -> Scale:
    """factor · x + shift."""
    shift = shift.double()
    return Scale(factor.double(), shift, shift.abs() if bulk is None else bulk.double())
