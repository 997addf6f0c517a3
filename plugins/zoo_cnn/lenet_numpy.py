"""LeNet-5 of the layers of `layers_numpy`: a convolutional network and its backpropagation without a framework.

Its parameters are called as in `zoo_cnn.lenet:LeNet5`, so each network runs the other's weights.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.opening import ArrayNetwork
from zoo_cnn.layers_numpy import AvgPool2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Tanh, cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[np.float64]]

ACTIVATIONS: dict[str, type[ReLU] | type[Tanh]] = {"relu": ReLU, "tanh": Tanh}
POOLS: dict[str, type[MaxPool2d] | type[AvgPool2d]] = {"max": MaxPool2d, "average": AvgPool2d}


class LeNet5(ArrayNetwork):
    """The network of `zoo_cnn.lenet:LeNet5`, layer by layer. All arithmetic is float64; weights are saved as float32.

    Without a seed, the first weights come from NumPy's global generator, which a training job has seeded.
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        activation: Literal["relu", "tanh"] = "relu",
        pool: Literal["max", "average"] = "max",
        seed: int | None = None,
    ) -> None:
        rng = np.random.default_rng(np.random.randint(2**31) if seed is None else seed)
        act, shrink = ACTIVATIONS[activation], POOLS[pool]
        self.layers: dict[str, Layer] = {
            "c1": Conv2d(channels, 6, 5, rng),
            "a1": act(),
            "s2": shrink(2),  # [n, 6, 14, 14]
            "c3": Conv2d(6, 16, 5, rng),
            "a3": act(),
            "s4": shrink(2),  # [n, 16, 5, 5]
            "flat": Flatten(),
            "c5": Linear(16 * 5 * 5, 120, rng),
            "a5": act(),
            "f6": Linear(120, 84, rng),
            "a6": act(),
            "output": Linear(84, classes, rng),
        }

    def forward(self, x: "Array") -> "Array":
        """Logits [n, classes] of what `as_input` makes of images."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def backward(self, d_logits: "Array") -> "Array":
        """Leave the gradient in every layer, from the last to the first; return that of the input [n, channels, 32, 32]."""
        for layer in reversed(self.layers.values()):
            d_logits = layer.backward(d_logits)
        return d_logits

    def parameters(self) -> "Iterator[tuple[str, Array, Array]]":
        for name, layer in self.layers.items():
            if isinstance(layer, (Conv2d, Linear)):
                yield f"{name}.weight", layer.weight, layer.d_weight
                yield f"{name}.bias", layer.bias, layer.d_bias

    def backpropagate(self, images: "Tensor", labels: "Tensor") -> float:
        """The mean cross-entropy of a batch in nats; leaves the gradient of every parameter. What a gradient check asks for."""
        loss, d_logits = cross_entropy(self.forward(as_input(images.numpy())), labels.numpy())
        self.backward(d_logits)
        return loss

    def __call__(self, images: "Tensor") -> "Tensor":
        """Logits, float32 [b, classes], of images [b, channels, 28, 28] in [0, 1]: what the zoo asks for."""
        import torch

        logits = self.forward(as_input(images.detach().cpu().numpy()))
        return torch.from_numpy(logits.astype(np.float32)).to(images.device)


def as_input(images: "np.ndarray[Any, Any]") -> "Array":
    """Images [n, c, 28, 28] in [0, 1] as float64 [n, c, 32, 32], scaled as in the paper: background -0.1, ink 1.175."""
    padded = np.pad(images.astype(np.float64), ((0, 0), (0, 0), (2, 2), (2, 2)))
    return 1.275 * padded - 0.1
