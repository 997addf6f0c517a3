"""The convolutional network that the small Transformer is measured against: as many parameters, and locality built in."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.imaging import Normalise


class ConvNet(nn.Module):
    """3x3 convolutions with batch normalisation and ReLU at 28x28, 14x14 and 7x7; their last maps' means are classified."""

    def __init__(self, classes: int = 10, channels: int = 1, widths: Sequence[int] = (32, 64, 64, 192)) -> None:
        super().__init__()
        first, second, third, last = widths
        self.normalise = Normalise((0.5,), (0.5,))
        self.layers = nn.Sequential(
            *layer(channels, first),
            nn.MaxPool2d(2),
            *layer(first, second),
            *layer(second, third),
            nn.MaxPool2d(2),
            *layer(third, last),
        )
        self.head = nn.Linear(last, classes)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, channels, h, w] in [0, 1]; made for 28x28."""
        maps: Tensor = self.layers(self.normalise(images))
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


def layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """A convolution that keeps height and width; the normalisation that follows has the bias."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
