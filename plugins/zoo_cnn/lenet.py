"""LeNet-5, with the activation and pooling of 1998 or of today."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "tanh": F.tanh}
POOLS: dict[str, Callable[[Tensor, int], Tensor]] = {"max": F.max_pool2d, "average": F.avg_pool2d}


class LeNet5(nn.Module):
    """Two convolutions with pooling, then three dense layers: 61,706 parameters for one channel and ten classes.

    Source: LeCun et al. 1998, fig. 2. As everywhere today, C3 sees all maps of S2, pooling has no parameters, and the output
    is linear instead of radial basis functions. `activation="tanh", pool="average"` is nearest to the paper.
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        activation: Literal["relu", "tanh"] = "relu",
        pool: Literal["max", "average"] = "max",
    ) -> None:
        super().__init__()
        self.activation, self.pool = activation, pool
        self.c1 = nn.Conv2d(channels, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)  # the paper's C5 convolves 5x5 maps with 5x5 kernels: a dense layer
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, channels, 28, 28] in [0, 1], bright ink on black."""
        logits: Tensor = self.output(self.penultimate(images))
        return logits

    def penultimate(self, images: Tensor) -> Tensor:
        """What the last layer sees, [b, 84]."""
        activate, pool = ACTIVATIONS[self.activation], POOLS[self.pool]
        x = F.pad(images, (2, 2, 2, 2))  # 32x32, so that strokes at the border reach the centre of a receptive field
        x = 1.275 * x - 0.1  # background -0.1, ink 1.175: mean near 0, variance near 1 (paper, section II.B)
        x = pool(activate(self.c1(x)), 2)  # [b, 6, 14, 14]
        x = pool(activate(self.c3(x)), 2)  # [b, 16, 5, 5]
        x = activate(self.c5(x.flatten(1)))
        return activate(self.f6(x))


class LeNet5Features(LeNet5):
    """The same network and weights as an embedder: its penultimate layer, in which `fd-lenet` measures."""

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, 84] of images [b, channels, 28, 28] in [0, 1], bright ink on black."""
        return self.penultimate(images)
