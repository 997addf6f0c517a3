"""Softmax regression and the multilayer perceptron, in PyTorch. Inputs are images in [0, 1], flattened."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def centred(images: Tensor) -> Tensor:
    """Images [b, c, h, w] in [0, 1] as vectors [b, c·h·w] in [-1, 1]: inputs around zero condition the gradient better."""
    return 2 * images.flatten(1) - 1


class Logistic(nn.Module):
    """log p(k | x) = wₖ·x + bₖ - log Σⱼ exp(wⱼ·x + bⱼ): a linear map, whose softmax the loss takes.

    Source: Bishop 2006, section 4.3.4.
    """

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w] with c·h·w = inputs."""
        logits: Tensor = self.linear(centred(images))
        return logits


class MLP(nn.Module):
    """Linear layers with a ReLU between each two. Parameters: `layers.0.weight`, `layers.0.bias`, `layers.1.weight`, ..."""

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int) -> None:
        super().__init__()
        sizes = [inputs, *hidden, classes]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w] with c·h·w = inputs."""
        x = centred(images)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        logits: Tensor = self.layers[-1](x)
        return logits
