"""U-Net: an encoder that halves the resolution step by step, and a decoder that takes back what each step saw."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from zoo.imaging import Normalise


class UNet(nn.Module):
    """Logits [b, classes, h, w] for images [b, 3, h, w] in [0, 1] of any size.

    As in Ronneberger, Fischer & Brox 2015 (arXiv:1505.04597), section 2 and figure 1, but narrower and shallower, with padded
    convolutions, so that the map has the size of the image, and with batch normalisation (Ioffe & Szegedy 2015).
    """

    def __init__(self, classes: int, width: int = 16, depth: int = 3) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.normalise = Normalise()
        self.down = nn.ModuleList(twice(before, after) for before, after in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * out, out, 2, stride=2) for out in reversed(widths[:-1]))
        self.join = nn.ModuleList(twice(2 * out, out) for out in reversed(widths[:-1]))
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.normalise(images)
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        kept.pop()
        for rise, block in zip(self.up, self.join, strict=True):
            beside = kept.pop()
            x = fitted(rise(x), beside)
            x = block(torch.cat([beside, x], dim=1))
        return self.classify(x)  # type: ignore[no-any-return]


def twice(before: int, after: int) -> nn.Sequential:
    """Two 3x3 convolutions, each normalised and rectified."""
    layers: list[nn.Module] = []
    for inputs in (before, after):
        layers += [nn.Conv2d(inputs, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def fitted(x: Tensor, beside: Tensor) -> Tensor:
    """The map [b, c, h, w] at the size of another; pooling an odd size loses a row, which is made up for here."""
    if x.shape[2:] == beside.shape[2:]:
        return x
    return interpolate(x, beside.shape[2:], mode="bilinear", align_corners=False)
