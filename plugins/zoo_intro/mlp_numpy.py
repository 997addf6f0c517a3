"""A multilayer perceptron in NumPy, with backpropagation written by hand: the whole of it, layer by layer.

Notation: a batch holds n samples, one a row; L is the mean loss; d_x stands for ∂L/∂x and has the shape of x.
Sources: Rumelhart, Hinton & Williams 1986; the four equations BP1-BP4 are numbered as in Nielsen 2015, Neural Networks and
Deep Learning, chapter 2. The parameters are called as in `zoo_intro.networks.MLP`, so each loads the other's weights.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.opening import ArrayNetwork

if TYPE_CHECKING:
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Labels = np.ndarray[Any, np.dtype[np.int64]]


class Linear:
    """z = x Wᵀ + b, with x [n, inputs], W [outputs, inputs], b [outputs], z [n, outputs]."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        # Variance 2/inputs keeps the scale of activations through ReLU layers (He et al. 2015, eq. 10).
        self.weight: Array = rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs))
        self.bias: Array = np.zeros(outputs)
        self.d_weight: Array = np.zeros_like(self.weight)
        self.d_bias: Array = np.zeros_like(self.bias)

    def forward(self, x: "Array") -> "Array":
        self._x = x
        return x @ self.weight.T + self.bias

    def backward(self, d_z: "Array") -> "Array":
        self.d_bias = d_z.sum(axis=0)  # BP3: zᵢ depends on b with derivative 1, and every sample adds its share
        self.d_weight = d_z.T @ self._x  # BP4: ∂L/∂W = Σᵢ d_zᵢ xᵢᵀ
        return d_z @ self.weight  # BP2, first half: ∂L/∂x = d_z W


class ReLU:
    """a = max(z, 0), elementwise; its derivative is 1 where z > 0, else 0."""

    def forward(self, z: "Array") -> "Array":
        self._positive = z > 0
        return np.where(self._positive, z, 0.0)

    def backward(self, d_a: "Array") -> "Array":
        return d_a * self._positive  # BP2, second half: d_z = d_a ⊙ a'(z)


def cross_entropy(logits: "Array", labels: "Labels") -> "tuple[float, Array]":
    """Mean of -log p(label) in nats, and its gradient to the logits [n, classes]; labels are int [n].

    With p = softmax(z), ∂L/∂zₖ = (pₖ - [k = label]) / n: softmax and logarithm cancel to a difference (BP1).
    """
    n = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)  # softmax is unchanged, and exp cannot overflow
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].mean()
    d_logits = np.exp(log_p)
    d_logits[np.arange(n), labels] -= 1
    return float(loss), d_logits / n


class MLP(ArrayNetwork):
    """Linear layers with a ReLU between each two. All arithmetic is float64; weights are saved as float32.

    Without a seed, the first weights come from NumPy's global generator, which a training job has seeded.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, seed: int | None = None) -> None:
        rng = np.random.default_rng(np.random.randint(2**31) if seed is None else seed)
        self.layers = [Linear(before, after, rng) for before, after in pairwise([inputs, *hidden, classes])]
        self.activations = [ReLU() for _ in hidden]

    def forward(self, x: "Array") -> "Array":
        """Logits [n, classes] of vectors [n, inputs]."""
        for layer, activation in zip(self.layers, self.activations, strict=False):
            x = activation.forward(layer.forward(x))
        return self.layers[-1].forward(x)

    def backward(self, d_logits: "Array") -> "Array":
        """Leave the gradient in every layer, from the last to the first; return that of the input [n, inputs]."""
        d_x = self.layers[-1].backward(d_logits)
        for layer, activation in zip(self.layers[-2::-1], self.activations[::-1], strict=True):
            d_x = layer.backward(activation.backward(d_x))
        return d_x

    def parameters(self) -> "Iterator[tuple[str, Array, Array]]":
        for i, layer in enumerate(self.layers):
            yield f"layers.{i}.weight", layer.weight, layer.d_weight
            yield f"layers.{i}.bias", layer.bias, layer.d_bias

    def backpropagate(self, images: "Tensor", labels: "Tensor") -> float:
        """The mean cross-entropy of a batch in nats; leaves the gradient of every parameter. What a gradient check asks for."""
        loss, d_logits = cross_entropy(self.forward(as_vectors(images.numpy())), labels.numpy())
        self.backward(d_logits)
        return loss

    def __call__(self, images: "Tensor") -> "Tensor":
        """Logits, float32 [b, classes], of images [b, c, h, w] in [0, 1] with c·h·w = inputs: what the zoo asks for."""
        import torch

        logits = self.forward(as_vectors(images.detach().cpu().numpy()))
        return torch.from_numpy(logits.astype(np.float32)).to(images.device)


def as_vectors(images: "np.ndarray[Any, Any]") -> "Array":
    """Images [n, c, h, w] in [0, 1] as float64 vectors [n, c·h·w] in [-1, 1]."""
    return 2.0 * images.reshape(len(images), -1).astype(np.float64) - 1.0


class SGD:
    """Gradient descent with momentum μ: v ← μ v + g + λ θ, then θ ← θ - η v (Polyak 1964, in PyTorch's form)."""

    def __init__(self, model: MLP, lr: float, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.velocity = {name: np.zeros_like(value) for name, value, _ in model.parameters()}

    def step(self) -> None:
        for name, value, gradient in self.model.parameters():
            velocity = self.velocity[name]
            velocity *= self.momentum
            velocity += gradient + self.weight_decay * value
            value -= self.lr * velocity


def train_epoch(model: MLP, sgd: SGD, x: "Array", labels: "Labels", batch_size: int, rng: np.random.Generator) -> float:
    """One pass over vectors [n, inputs] in a random order; the mean loss in nats, each sample at its step's parameters."""
    total = 0.0
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        batch = order[start : start + batch_size]
        loss, d_logits = cross_entropy(model.forward(x[batch]), labels[batch])
        model.backward(d_logits)
        sgd.step()
        total += loss * len(batch)
    return total / len(x)
