"""Convolution and pooling in NumPy, forward and backward written out, with the settings and results of PyTorch's.

Notation: images are [n, c, h, w]; L is the loss; d_x stands for ∂L/∂x and has the shape of x. `backward` follows its `forward`
and leaves the gradients of a layer's parameters beside them. Source of im2col: Chellapilla, Puri & Simard 2006, High performance
convolutional neural networks for document processing.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[np.float64]]
    Labels = np.ndarray[Any, np.dtype[np.int64]]

Pair = int | tuple[int, int]
"""One number for height and width, or one for each."""


class Layer(Protocol):
    """What all layers have."""

    def forward(self, x: "Array", /) -> "Array":
        """The layer's output."""

    def backward(self, d_y: "Array", /) -> "Array":
        """∂L/∂x, for the x of the last `forward`, of ∂L/∂y."""


class Windows:
    """The windows that a kernel sees: `of` takes them out of an image (im2col), `put_back` adds them up again (col2im)."""

    def __init__(self, kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, fill: float = 0.0) -> None:
        self.kernel, self.stride, self.padding, self.dilation = (_pair(value) for value in (kernel, stride, padding, dilation))
        self.fill = fill
        self.reach = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.padding) < 0:
            raise ValueError("kernel, stride and dilation must be at least 1, padding at least 0")

    def of(self, x: "Array") -> "Array":
        """[n, c, h, w] as windows [n, c, oh, ow, kh, kw], where oh = ⌊(h + 2·padding - dilation·(kh - 1) - 1) / stride⌋ + 1.

        What lies beyond the border is `fill`. Nothing is copied but the padded image: windows overlap, and are only to be read.
        """
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=self.fill)
        if self.reach[0] > padded.shape[2] or self.reach[1] > padded.shape[3]:
            raise ValueError(f"a kernel that reaches over {self.reach} pixels does not fit into {padded.shape[2:]}")
        return sliding_window_view(padded, self.reach, (2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]

    def put_back(self, d_windows: "Array", height: int, width: int) -> "Array":
        """∂L/∂x [n, c, height, width] of the gradient of its windows: a pixel gets the sum over all windows that saw it."""
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        n, c, out_h, out_w, kernel_h, kernel_w = d_windows.shape
        d_padded = np.zeros((n, c, height + 2 * ph, width + 2 * pw))
        for i in range(kernel_h):  # entry (i, j) of all windows lies on a grid of steps (sh, sw), so that no two meet
            for j in range(kernel_w):
                top, left = i * dh, j * dw
                d_padded[:, :, top : top + sh * out_h : sh, left : left + sw * out_w : sw] += d_windows[..., i, j]
        return d_padded[:, :, ph : ph + height, pw : pw + width]


class Conv2d:
    """y[k] = b[k] + Σ over a window of W[k] · x: one matrix product, of kernels and of windows laid out as columns.

    W is [outputs, inputs / groups, kh, kw], b [outputs]. The outputs of one of `groups` see the inputs of that group alone.
    Parity: torch.nn.Conv2d.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Pair,
        rng: np.random.Generator,
        *,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
    ) -> None:
        if groups < 1 or inputs % groups or outputs % groups:
            raise ValueError(f"{groups} groups do not divide both {inputs} inputs and {outputs} outputs")
        self.windows, self.groups = Windows(kernel, stride, padding, dilation), groups
        seen = inputs // groups * self.windows.kernel[0] * self.windows.kernel[1]
        # Variance 2/seen keeps the scale of activations through ReLU layers (He et al. 2015, eq. 10).
        self.weight: Array = rng.normal(0, np.sqrt(2 / seen), (outputs, inputs // groups, *self.windows.kernel))
        self.bias: Array = np.zeros(outputs)
        self.d_weight: Array = np.zeros_like(self.weight)
        self.d_bias: Array = np.zeros_like(self.bias)

    def forward(self, x: "Array") -> "Array":
        windows = self.windows.of(x)
        n, c, out_h, out_w, kernel_h, kernel_w = windows.shape
        # [g, what a kernel sees, n·oh·ow]: a column a window
        by_group = windows.reshape(n, self.groups, c // self.groups, out_h, out_w, kernel_h, kernel_w)
        self._columns = by_group.transpose(1, 2, 5, 6, 0, 3, 4).reshape(self.groups, -1, n * out_h * out_w)
        self._shapes = x.shape, windows.shape
        y = self._kernels() @ self._columns  # [g, outputs / g, n·oh·ow]
        return y.reshape(-1, n, out_h, out_w).swapaxes(0, 1) + self.bias[:, None, None]

    def backward(self, d_y: "Array") -> "Array":
        (_, _, height, width), (n, c, out_h, out_w, kernel_h, kernel_w) = self._shapes
        rows = d_y.swapaxes(0, 1).reshape(self.groups, -1, n * out_h * out_w)
        self.d_bias = d_y.sum(axis=(0, 2, 3))
        self.d_weight = (rows @ self._columns.swapaxes(1, 2)).reshape(self.weight.shape)  # as of y = W x: ∂L/∂W = d_y xᵀ
        d_columns = self._kernels().swapaxes(1, 2) @ rows  # ∂L/∂x = Wᵀ d_y
        by_group = d_columns.reshape(self.groups, c // self.groups, kernel_h, kernel_w, n, out_h, out_w)
        d_windows = by_group.transpose(4, 0, 1, 5, 6, 2, 3).reshape(n, c, out_h, out_w, kernel_h, kernel_w)
        return self.windows.put_back(d_windows, height, width)

    def _kernels(self) -> "Array":
        """[g, outputs / g, what a kernel sees]: a row a kernel."""
        return self.weight.reshape(self.groups, len(self.weight) // self.groups, -1)


class MaxPool2d:
    """The largest pixel of each window; the gradient goes to it alone, to the first where several are equal.

    The stride is the kernel's size by default, and what lies beyond the border never wins. Parity: torch.nn.MaxPool2d.
    """

    def __init__(self, kernel: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1) -> None:
        self.windows = Windows(kernel, kernel if stride is None else stride, padding, dilation, fill=-np.inf)
        _check_pool_padding(self.windows)

    def forward(self, x: "Array") -> "Array":
        windows = self.windows.of(x)
        flat = windows.reshape(*windows.shape[:4], -1)
        self._winner = flat.argmax(axis=-1, keepdims=True)
        self._shapes = x.shape, windows.shape
        y: Array = np.take_along_axis(flat, self._winner, axis=-1)[..., 0]
        if np.isneginf(y).any() and not np.isneginf(x).any():
            raise ValueError(f"a window lies wholly beyond the border of {x.shape[2:]}: padding or dilation is too large for it")
        return y

    def backward(self, d_y: "Array") -> "Array":
        (_, _, height, width), shape = self._shapes
        d_flat = np.zeros((*shape[:4], shape[4] * shape[5]))
        np.put_along_axis(d_flat, self._winner, d_y[..., None], axis=-1)
        return self.windows.put_back(d_flat.reshape(shape), height, width)


class AvgPool2d:
    """The mean of each window; every pixel gets its equal share of the gradient.

    The stride is the kernel's size by default; zeros beyond the border count. Parity: torch.nn.AvgPool2d.
    """

    def __init__(self, kernel: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        self.windows = Windows(kernel, kernel if stride is None else stride, padding)
        _check_pool_padding(self.windows)

    def forward(self, x: "Array") -> "Array":
        windows = self.windows.of(x)
        self._shapes = x.shape, windows.shape
        y: Array = windows.mean(axis=(4, 5))
        return y

    def backward(self, d_y: "Array") -> "Array":
        (_, _, height, width), shape = self._shapes
        share = d_y / (shape[4] * shape[5])
        return self.windows.put_back(np.broadcast_to(share[..., None, None], shape), height, width)


class Linear:
    """z = x Wᵀ + b, with x [n, inputs], W [outputs, inputs], b [outputs], z [n, outputs]."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        self.weight: Array = rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs))
        self.bias: Array = np.zeros(outputs)
        self.d_weight: Array = np.zeros_like(self.weight)
        self.d_bias: Array = np.zeros_like(self.bias)

    def forward(self, x: "Array") -> "Array":
        self._x = x
        return x @ self.weight.T + self.bias

    def backward(self, d_z: "Array") -> "Array":
        self.d_bias, self.d_weight = d_z.sum(axis=0), d_z.T @ self._x
        d_x: Array = d_z @ self.weight
        return d_x


class ReLU:
    """max(z, 0), elementwise; its derivative is 1 where z > 0, else 0."""

    def forward(self, z: "Array") -> "Array":
        self._positive = z > 0
        return np.where(self._positive, z, 0.0)

    def backward(self, d_a: "Array") -> "Array":
        return d_a * self._positive


class Tanh:
    """tanh z, elementwise; its derivative is 1 - tanh² z."""

    def forward(self, z: "Array") -> "Array":
        self._a: Array = np.tanh(z)
        return self._a

    def backward(self, d_a: "Array") -> "Array":
        return d_a * (1 - self._a**2)


class Flatten:
    """[n, c, h, w] as [n, c·h·w]."""

    def forward(self, x: "Array") -> "Array":
        self._shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, d_y: "Array") -> "Array":
        return d_y.reshape(self._shape)


def cross_entropy(logits: "Array", labels: "Labels") -> "tuple[float, Array]":
    """Mean of -log softmax(logits)[label] in nats, and its gradient to the logits [n, classes]; labels are int [n].

    ∂L/∂zₖ = (pₖ - [k = label]) / n, since softmax and logarithm cancel to a difference.
    """
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)  # softmax is unchanged, and exp cannot overflow
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    d_logits = np.exp(log_p)
    d_logits[rows, labels] -= 1
    return float(-log_p[rows, labels].mean()), d_logits / len(labels)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _check_pool_padding(windows: Windows) -> None:
    if any(2 * padding > kernel for padding, kernel in zip(windows.padding, windows.kernel, strict=True)):
        raise ValueError(f"padding {windows.padding} is more than half of the kernel {windows.kernel}")
