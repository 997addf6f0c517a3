"""ESPCN: a small network that works at the low resolution and shuffles its last maps into the large picture.

Source: Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
network", section 3 and fig. 1, arXiv:1609.05158.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from zoo.errors import ModelError
from zoo.imaging import Degraded
from zoo.tasks import restored
from zoo_vision.classical import enlarged
from zoo_vision.luma import with_luma


class ESPCN(nn.Module):
    """Convolutions 5x5 to 64 maps, 3x3 to 32, 3x3 to scale², with ReLU between them, on luma; then pixels are shuffled.

    Unlike the paper's final network, which replaces the picture and has tanh, it adds what it computes to the bicubic one: a
    short training gets further so, and what is to be added is so little that tanh would hardly leave its linear middle.
    """

    def __init__(self, scale: int = 3) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 64, 5, padding=2), nn.ReLU()),
            *(nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, scale**2, 3, padding=1), nn.PixelShuffle(scale)),
        )

    def forward(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, scale·h, scale·w] in [0, 1]; nothing is random. Raises ModelError for another scale."""
        return restored(self.restore, conditions)

    def restore(self, images: Tensor, *, scale: int, sigma: float) -> Tensor:
        """Pictures [b, c, h, w] enlarged."""
        if scale != self.scale:
            raise ModelError(
                f"this ESPCN enlarges by {self.scale}, not by {scale}", f"run it on a benchmark of that scale: set5-x{self.scale}"
            )
        return with_luma(images, enlarged(images, scale).clamp(0, 1), self.luma)

    def luma(self, small: Tensor, large: Tensor) -> Tensor:
        """Y [b, 1, scale·h, scale·w] from Y of the small picture and of the bicubic one."""
        detail: Tensor = self.layers(small)
        return large + detail
