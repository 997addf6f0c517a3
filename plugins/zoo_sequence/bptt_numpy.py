"""A recurrent network in NumPy, with back-propagation through time written by hand.

Notation: T steps, n sequences; d_x stands for ∂L/∂x and has the shape of x. Parameters are called as in `nn.RNN`, with an
output layer behind it. Source: Werbos 1990, Backpropagation through time: what it does and how to do it, doi:10.1109/5.58337.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Labels = np.ndarray[Any, np.dtype[np.int64]]
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_out", "bias_out")


class RNN:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), y_t = W_out h_t + b_out; all in float64."""

    def __init__(self, inputs: int, hidden: int, outputs: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        bound = 1 / np.sqrt(hidden)
        shapes = ((hidden, inputs), (hidden, hidden), (hidden,), (hidden,), (outputs, hidden), (outputs,))
        self.parameters: dict[str, Array] = {
            name: rng.uniform(-bound, bound, shape) for name, shape in zip(NAMES, shapes, strict=True)
        }
        self.gradients: dict[str, Array] = {name: np.zeros_like(value) for name, value in self.parameters.items()}

    def forward(self, x: Array, start: Array | None = None) -> Array:
        """Outputs [T, n, outputs] of inputs [T, n, inputs]; `start` is h_0 [n, hidden], zero if None. `h[-1]` is the last."""
        p = self.parameters
        self.x = x
        self.h = np.zeros((len(x) + 1, x.shape[1], len(p["bias_hh"])))  # h[t + 1] is the state after step t
        self.h[0] = 0 if start is None else start
        for t in range(len(x)):
            self.h[t + 1] = np.tanh(x[t] @ p["weight_ih"].T + p["bias_ih"] + self.h[t] @ p["weight_hh"].T + p["bias_hh"])
        return self.h[1:] @ p["weight_out"].T + p["bias_out"]

    def backward(self, d_y: Array, k: int | None = None) -> tuple[Array, Array]:
        """From d_y [T, n, outputs] to (d_x [T, n, inputs], d_h_0 [n, hidden]); those of the parameters are in `gradients`.

        With `k`, truncated: no gradient crosses the border between two pieces of k steps, counted from the first.
        """
        p = self.parameters
        g = {name: np.zeros_like(value) for name, value in p.items()}
        d_x = np.zeros_like(self.x)
        d_h = np.zeros_like(self.h[0])  # what the steps after t say of h_t; after the last step, nothing
        for t in reversed(range(len(d_y))):
            g["weight_out"] += d_y[t].T @ self.h[t + 1]
            g["bias_out"] += d_y[t].sum(axis=0)
            d_h = d_h + d_y[t] @ p["weight_out"]  # h_t has two readers: the output at t, and the state after it
            d_a = d_h * (1 - self.h[t + 1] ** 2)  # tanh' = 1 - tanh²
            g["weight_ih"] += d_a.T @ self.x[t]
            g["weight_hh"] += d_a.T @ self.h[t]  # the same matrix at every step, so its gradient is a sum over them
            g["bias_ih"] += d_a.sum(axis=0)
            g["bias_hh"] += d_a.sum(axis=0)
            d_x[t] = d_a @ p["weight_ih"]
            d_h = d_a @ p["weight_hh"]  # multiplied by W_hh once a step: here gradients vanish or explode
            if k is not None and t > 0 and t % k == 0:
                d_h = np.zeros_like(d_h)
        self.gradients = g
        return d_x, d_h

    def load(self, state: Mapping[str, Array]) -> None:
        """Take the parameters of `state`. Raises ValueError on any name or shape that differs."""
        if state.keys() != self.parameters.keys():
            raise ValueError(f"expected {', '.join(self.parameters)}, not {', '.join(state)}")
        for name, value in state.items():
            if value.shape != self.parameters[name].shape:
                raise ValueError(f"{name} has shape {value.shape}, not {self.parameters[name].shape}")
            self.parameters[name] = np.array(value, dtype=np.float64)


def cross_entropy(y: Array, labels: Labels) -> tuple[float, Array]:
    """Mean of -log softmax(y)[label] in nats over all steps, and its gradient d_y; y [T, n, outputs], labels int [T, n]."""
    shifted = y - y.max(axis=2, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    true = np.eye(y.shape[2])[labels]
    return float(-(true * log_p).sum() / labels.size), (np.exp(log_p) - true) / labels.size
