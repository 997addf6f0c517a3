"""PiDiNet: an edge detector whose convolutions look at differences between pixels, as hand-made ones do."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, max_pool2d, relu

from zoo.imaging import Normalise

CLOCKWISE = (3, 0, 1, 6, 4, 2, 7, 8, 5)
"""For each tap of a 3x3 kernel, row by row, the tap one step back around the centre."""
OUTER = (0, 2, 4, 10, 14, 20, 22, 24)
"""The ring of a 5x5 window, in the eight directions from the centre, row by row; and beside it the ring within."""
INNER = (6, 7, 8, 11, 13, 16, 17, 18)


class PiDiNet(nn.Module):
    """Maps of edges [b, 1, h, w] in [0, 1] for images [b, 3, h, w] in [0, 1] of at least 8 pixels a side.

    Four stages of four blocks, each stage at half the resolution of the one before; a side output a stage, fused by a 1x1
    convolution. The four blocks of a stage take central, angular, radial differences, and plain values ("carv4").
    Parameters are named as those published. `width` channels in the first stage, `dilated` in the side branches.
    Source: Su, Liu, Yu, Hu, Liao, Tian, Pietikäinen & Liu 2021, Pixel difference networks for efficient edge detection,
    arXiv:2108.07009, figure 5 (the architecture) and equations 2 to 5 (the convolutions).
    """

    def __init__(self, width: int = 60, dilated: int = 24) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.init_block = CentralDifference(3, width)
        self.stages: list[list[str]] = []
        planes, before = (width, 2 * width, 4 * width, 4 * width), width
        for stage, after in enumerate(planes, 1):
            kinds = KINDS[1:] if stage == 1 else KINDS  # the first of all is the initial block
            names = [f"block{stage}_{number}" for number in range(1, len(kinds) + 1)]
            for number, (name, kind) in enumerate(zip(names, kinds, strict=True)):
                self.add_module(name, Block(kind, before, after, halves=stage > 1 and number == 0))
                before = after
            self.stages.append(names)
        self.dilations = nn.ModuleList(Dilated(plane, dilated) for plane in planes)
        self.attentions = nn.ModuleList(SpatialAttention(dilated) for _ in planes)
        self.conv_reduces = nn.ModuleList(Reduce(dilated) for _ in planes)
        self.classifier = nn.Conv2d(4, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.init_block(self.normalise(images))
        sides = []
        branches = zip(self.dilations, self.attentions, self.conv_reduces, strict=True)
        for names, (dilate, attend, reduce) in zip(self.stages, branches, strict=True):
            for name in names:
                x = self.get_submodule(name)(x)
            sides.append(interpolate(reduce(attend(dilate(x))), images.shape[2:], mode="bilinear", align_corners=False))
        return torch.sigmoid(self.classifier(torch.cat(sides, dim=1)))


class CentralDifference(nn.Conv2d):
    """Σ w_i (x_i - x_centre) over a 3x3 window: equation 3."""

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=1, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The differences sum to a plain convolution with the kernel's sum taken off at its centre."""
        weight = self.weight.clone()
        weight[:, :, 1, 1] -= self.weight.sum(dim=(2, 3))
        return conv2d(x, weight, padding=1, groups=self.groups)


class AngularDifference(nn.Conv2d):
    """Σ w_i (x_i - x_next) over the eight pixels around the centre, next clockwise: equation 4."""

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=1, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.weight.flatten(2)
        weight = (flat - flat[:, :, CLOCKWISE]).view_as(self.weight)
        return conv2d(x, weight, padding=1, groups=self.groups)


class RadialDifference(nn.Conv2d):
    """Σ w_i (x_outer - x_inner) along the eight directions, two and one steps from the centre: equation 5.

    The kernel has 3x3 taps, of which the first is not used, as published; the others are the directions, row by row.
    """

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=2, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        taps = self.weight.flatten(2)[:, :, 1:]
        window = self.weight.new_zeros(*self.weight.shape[:2], 25)
        window[:, :, OUTER] = taps
        window[:, :, INNER] = -taps
        return conv2d(x, window.view(*self.weight.shape[:2], 5, 5), padding=2, groups=self.groups)


class Plain(nn.Conv2d):
    """A 3x3 convolution: equation 2."""

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=1, groups=groups, bias=False)


KINDS: Sequence[type[nn.Conv2d]] = (CentralDifference, AngularDifference, RadialDifference, Plain)


class Block(nn.Module):
    """A depthwise difference convolution and a pointwise one, with a shortcut; the first of a stage halves the resolution."""

    def __init__(self, kind: type[nn.Conv2d], inputs: int, outputs: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        if halves:
            self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.conv1 = kind(inputs, inputs, groups=inputs)  # type: ignore[call-arg]
        self.conv2 = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.halves:
            x = max_pool2d(x, 2)
        y = self.conv2(relu(self.conv1(x)))
        return y + (self.shortcut(x) if self.halves else x)  # type: ignore[no-any-return]


class Dilated(nn.Module):
    """Compact dilation convolution module: a 1x1 convolution, and the sum of four 3x3 ones of growing dilation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 1)
        for number, dilation in enumerate((5, 7, 9, 11), 1):
            conv = nn.Conv2d(outputs, outputs, 3, padding=dilation, dilation=dilation, bias=False)
            self.add_module(f"conv2_{number}", conv)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(relu(x))
        return torch.stack([self.get_submodule(f"conv2_{number}")(x) for number in (1, 2, 3, 4)]).sum(dim=0)


class SpatialAttention(nn.Module):
    """Compact spatial attention module: a weight in [0, 1] for every pixel, alike for all channels."""

    def __init__(self, channels: int, between: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, between, 1)
        self.conv2 = nn.Conv2d(between, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv2(self.conv1(relu(x))))


class Reduce(nn.Module):
    """A side output: one channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]
