"""DnCNN: a network that predicts the noise, to be subtracted.

Source: Zhang, Zuo, Chen, Meng & Zhang 2017, "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising",
section III and fig. 1, arXiv:1608.03981.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from zoo.errors import ModelError
from zoo.imaging import Degraded
from zoo.tasks import restored


class DnCNN(nn.Module):
    """`depth` convolutions of 3x3 with 64 maps, batch normalisation in all but the first and last; zero padding, no biases.

    17 layers for one level of noise, 20 for any (blind). Made for grey pictures; the channels of others are denoised one by
    one.
    """

    def __init__(self, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.dncnn = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1, bias=False))

    def forward(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, h, w] in [0, 1]; nothing is random."""
        return restored(self.restore, conditions)

    def restore(self, images: Tensor, *, scale: int, sigma: float) -> Tensor:
        """Pictures [b, c, h, w] without their noise. Raises ModelError where they are to grow."""
        if scale != 1:
            raise ModelError("DnCNN removes noise, and does not enlarge", "zoo list benchmarks --task generate")
        grey = images.flatten(0, 1)[:, None]
        clean: Tensor = grey - self.dncnn(grey)
        return clean.clamp(0, 1).view_as(images)
