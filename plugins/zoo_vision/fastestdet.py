"""FastestDet: an anchor-free detector of 244,490 parameters on one grid of 22x22 cells.

Written from its description (dog-qiuqiu 2022, github.com/dog-qiuqiu/FastestDet) and from ShuffleNetV2 (Ma, Zhang, Zheng & Sun
2018, arXiv:1807.11164); parameters are named as the published ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import batched_nms

from zoo.tasks import Boxes

SIDE = 352
"""Pixels of the square that the network sees."""
WIDTHS = (24, 48, 96, 192)
REPEATS = (4, 8, 4)


class FastestDet(nn.Module):
    """Boxes of images [3, h, w] of any size, RGB in [0, 1].

    An image is squashed to 352x352 by plain bilinear interpolation, as OpenCV does it: without antialiasing, as in training.
    Of every cell the likeliest class is kept; its score is objectness x probability. Boxes below `threshold` are dropped, then
    those that overlap a better one of their class by more than `overlap`.
    """

    def __init__(self, classes: int = 80, threshold: float = 0.001, overlap: float = 0.45) -> None:
        super().__init__()
        self.threshold, self.overlap = threshold, overlap
        self.backbone = Backbone()
        self.SPP = Pyramid(sum(WIDTHS[1:]), WIDTHS[-2])
        self.detect_head = Head(WIDTHS[-2], classes)

    def forward(self, images: Sequence[Tensor]) -> list[Boxes]:
        size = (SIDE, SIDE)
        squashed = [functional.interpolate(image[None], size, mode="bilinear", align_corners=False) for image in images]
        grids = self.grid(torch.cat(squashed).flip(1))  # it was trained on BGR
        return [self.boxes(grid, image.shape[1], image.shape[2]) for grid, image in zip(grids, images, strict=True)]

    def grid(self, images: Tensor) -> Tensor:
        """What the network says of each cell, [b, 5 + classes, 22, 22] of BGR images [b, 3, 352, 352]: objectness in (0, 1),
        four numbers of the box, probabilities of the classes."""
        fine, middle, coarse = self.backbone(images)
        coarse = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        joined = torch.cat((functional.avg_pool2d(fine, 3, 2, 1), middle, coarse), dim=1)
        grid: Tensor = self.detect_head(self.SPP(joined))
        return grid

    def boxes(self, grid: Tensor, height: int, width: int) -> Boxes:
        """The boxes of one image, in its pixels, of its grid [5 + classes, 22, 22]."""
        rows, columns = grid.shape[1:]
        y, x = torch.meshgrid(torch.arange(rows, device=grid.device), torch.arange(columns, device=grid.device), indexing="ij")
        objectness, box, classes = grid[0], grid[1:5].float(), grid[5:]
        centre = torch.stack(((box[0].tanh() + x) / columns, (box[1].tanh() + y) / rows), dim=-1)
        half = box[2:].sigmoid().permute(1, 2, 0) / 2
        scale = torch.tensor([width, height, width, height], device=grid.device)
        corners = torch.cat((centre - half, centre + half), dim=-1) * scale
        best, labels = classes.max(dim=0)
        scores = (objectness * best).float()
        kept = scores > self.threshold
        corners, scores, labels = corners[kept], scores[kept], labels[kept]
        chosen = batched_nms(corners, scores, labels, self.overlap)
        return Boxes(corners[chosen], labels[chosen], scores[chosen])


class Backbone(nn.Module):
    """ShuffleNetV2 of three stages: maps of 48, 96 and 192 channels at 1/8, 1/16 and 1/32 of the side."""

    def __init__(self) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(*conv(3, WIDTHS[0], 3, stride=2))
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(Unit(before, after, 2), *(Unit(after // 2, after, 1) for _ in range(repeats - 1)))
            for before, after, repeats in zip(WIDTHS, WIDTHS[1:], REPEATS, strict=False)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.stage2(functional.max_pool2d(self.first_conv(images), 3, 2, 1))
        middle = self.stage3(fine)
        return fine, middle, self.stage4(middle)


class Unit(nn.Module):
    """A ShuffleNetV2 unit: half of the channels pass, every other one; or, with stride 2, both halves come from all of them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        middle = after // 2
        self.branch_main = nn.Sequential(
            *conv(before, middle, 1),
            *conv(middle, middle, 3, stride=stride, groups=middle, active=False),
            *conv(middle, after - before, 1),
        )
        if stride == 2:
            self.branch_proj = nn.Sequential(
                *conv(before, before, 3, stride=2, groups=before, active=False), *conv(before, before, 1)
            )
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        if self.stride == 2:
            return torch.cat((self.branch_proj(maps), self.branch_main(maps)), dim=1)
        return torch.cat((maps[:, 0::2], self.branch_main(maps[:, 1::2])), dim=1)


class Pyramid(nn.Module):
    """Context of one, two and three depth-wise 5x5 convolutions, joined and added to the maps that they saw."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.Conv1x1 = _Named("conv1x1", conv(before, width, 1))
        self.S1, self.S2, self.S3 = (
            nn.Sequential(*(layer for _ in range(depth) for layer in conv(width, width, 5, groups=width))) for depth in (1, 2, 3)
        )
        self.output = nn.Sequential(*conv(3 * width, width, 1, active=False))

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.Conv1x1(maps)
        return functional.relu(maps + self.output(torch.cat((self.S1(maps), self.S2(maps), self.S3(maps)), dim=1)))


class Head(nn.Module):
    """Objectness, box and class probabilities of every cell."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.conv1x1 = _Named("conv1x1", conv(width, width, 1))
        self.obj_layers, self.reg_layers, self.cls_layers = (
            _Named("conv5x5", [*conv(width, width, 5, groups=width), *conv(width, outputs, 1, active=False)])
            for outputs in (1, 4, classes)
        )

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.conv1x1(maps)
        return torch.cat((self.obj_layers(maps).sigmoid(), self.reg_layers(maps), self.cls_layers(maps).softmax(dim=1)), dim=1)


class _Named(nn.Module):
    """Layers in order, under a name of their own, as the published parameters have them."""

    def __init__(self, name: str, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, maps: Tensor) -> Tensor:
        out: Tensor = self.get_submodule(self.name)(maps)
        return out


def conv(before: int, after: int, size: int, *, stride: int = 1, groups: int = 1, active: bool = True) -> list[nn.Module]:
    """A convolution that keeps the side / stride, batch normalisation, and a ReLU where it is active."""
    layers = [nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(after)]
    return [*layers, nn.ReLU(inplace=True)] if active else layers
