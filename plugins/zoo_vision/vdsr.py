"""VDSR: a deep network that adds the detail that bicubic enlarging lacks, one for every scale.

Source: Kim, Lee & Lee 2016, "Accurate image super-resolution using very deep convolutional networks", section 3 and fig. 2,
arXiv:1511.04587.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.imaging import Degraded, to_uint8
from zoo.tasks import restored
from zoo_vision.classical import enlarged
from zoo_vision.luma import with_luma


class VDSR(nn.Module):
    """20 convolutions of 3x3 with 64 maps and ReLU, on luma that is enlarged already; zero padding, no biases."""

    def __init__(self, depth: int = 20, width: int = 64) -> None:
        super().__init__()
        self.input = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.residual_layer = nn.Sequential(*(_layer(width) for _ in range(depth - 2)))
        self.output = nn.Conv2d(width, 1, 3, padding=1, bias=False)

    def forward(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, scale·h, scale·w] in [0, 1]; nothing is random."""
        return restored(self.restore, conditions)

    def restore(self, images: Tensor, *, scale: int, sigma: float) -> Tensor:
        """Pictures [b, c, h, w] enlarged; trained for scales 2, 3 and 4.

        What is enlarged has 8 bits, as the inputs that its authors' comparisons share. Unrounded it would score higher on
        Set5: 37.60, 33.76 and 31.44 dB (PSNR-Y, x2, x3, x4) instead of 37.54, 33.72 and 31.25.
        """
        large = enlarged(to_uint8(images), scale) / 255
        return with_luma(images, large, lambda _, bicubic: bicubic + self.residual(bicubic))

    def residual(self, luma: Tensor) -> Tensor:
        """What luma [b, 1, h, w] lacks."""
        detail: Tensor = self.output(self.residual_layer(F.relu(self.input(luma))))
        return detail


def _layer(width: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(width, width, 3, padding=1, bias=False), relu=nn.ReLU(inplace=True)))
