"""Residual networks: those of ImageNet, with the parameter names of torchvision, and those of CIFAR, with shortcuts A.

Source: He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, arXiv:1512.03385.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.imaging import Normalise


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width at stride 1; batch normalisation follows, so it needs no bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """relu(F(x) + shortcut(x)), where F is two 3x3 convolutions (fig. 5, left)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """F is 1x1, 3x3 and 1x1 convolutions (fig. 5, right). The stride is in the 3x3, as in torchvision, not in the first 1x1."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class SubsamplePad(nn.Module):
    """Shortcut A (section 3.3): every second pixel, and zeros for the new channels, half before and half after. No parameters."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))


IMAGENET_DEPTHS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
"""Block, and blocks of each of the four stages (table 1)."""


class ResNet(nn.Module):
    """The ImageNet networks of table 1, with projection shortcuts (B) where the shape changes."""

    def __init__(self, depth: int, classes: int = 1000) -> None:
        super().__init__()
        block, counts = IMAGENET_DEPTHS[depth]
        self.normalise = Normalise()
        self.conv1, self.bn1 = conv(3, 64, 7, stride=2), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(block, 64, 64, counts[0], stride=1)
        self.layer2 = self._stage(block, 64 * block.expansion, 128, counts[1], stride=2)
        self.layer3 = self._stage(block, 128 * block.expansion, 256, counts[2], stride=2)
        self.layer4 = self._stage(block, 256 * block.expansion, 512, counts[3], stride=2)
        self.fc = nn.Linear(512 * block.expansion, classes)
        he_initialise(self)

    @staticmethod
    def _stage(block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, count: int, stride: int) -> nn.Sequential:
        outputs = width * block.expansion
        projection = None
        if stride != 1 or inputs != outputs:
            projection = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        first = block(inputs, width, stride, projection)
        return nn.Sequential(first, *(block(outputs, width, 1, None) for _ in range(count - 1)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of RGB images [b, 3, h, w] in [0, 1]; made for 224x224."""
        x = F.relu(self.bn1(self.conv1(self.normalise(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.maxpool(x)))))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


class CifarResNet(nn.Module):
    """The CIFAR-10 networks of section 4.2: depth 6n + 2, three stages of n blocks with 16, 32 and 64 channels, shortcuts A.

    `mean` and `std` normalise the pixels, a number a channel, and so say how many channels images have; by default ImageNet's.
    """

    def __init__(
        self, depth: int, classes: int = 10, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        if depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2 (20, 32, 44, 56, 110), not {depth}")
        count = depth // 6
        self.normalise = Normalise(mean, std) if mean and std else Normalise()
        self.conv1, self.bn1 = conv(len(self.normalise.mean), 16, 3), nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, count, stride=1)
        self.layer2 = self._stage(16, 32, count, stride=2)
        self.layer3 = self._stage(32, 64, count, stride=2)
        self.linear = nn.Linear(64, classes)
        he_initialise(self)

    @staticmethod
    def _stage(inputs: int, width: int, count: int, stride: int) -> nn.Sequential:
        first = BasicBlock(inputs, width, stride, SubsamplePad(inputs, width, stride) if stride != 1 else None)
        return nn.Sequential(first, *(BasicBlock(width, width, 1, None) for _ in range(count - 1)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, c, h, w] in [0, 1]; made for RGB of 32x32."""
        x = F.relu(self.bn1(self.conv1(self.normalise(images))))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def he_initialise(network: nn.Module) -> None:
    """Convolutions from N(0, 2 / fan-out) (He et al. 2015), which keeps the scale of gradients through ReLU layers."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
