"""What turns an image into a vector: its pixels, or a small convolutional network."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Pixels(nn.Module):
    """The image itself, row by row. Without parameters."""

    def forward(self, images: Tensor) -> Tensor:
        """Vectors [b, c * h * w] of images [b, c, h, w]."""
        return images.flatten(1)


class Conv4(nn.Module):
    """Four times convolution, batch normalisation, ReLU and max pooling, of 64 channels each: 111,680 parameters for grey images.

    28x28 pixels become 1x1: the 64 channels are the embedding, scaled to length 1.
    Source: Vinyals et al. 2016, Matching networks for one shot learning, arXiv:1606.04080, section 4.1.1.
    """

    def __init__(self, channels: int = 1, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        inputs = [channels] + [width] * (blocks - 1)
        self.convolutions = nn.ModuleList(nn.Conv2d(count, width, 3, padding=1, bias=False) for count in inputs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in inputs)

    def forward(self, images: Tensor) -> Tensor:
        """Vectors [b, width] of length 1, of images [b, channels, 28, 28] in [0, 1], bright ink on black."""
        x = images
        for position, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = norm(convolution(x))
            # No ReLU at the end: it would confine the embedding to the positive corner of the sphere.
            x = F.max_pool2d(F.relu(x) if position < len(self.norms) - 1 else x, 2)
        return F.normalize(x.flatten(2).mean(dim=2))
