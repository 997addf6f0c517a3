"""The smallest network that deserves the name: two convolutions, each with batch normalisation, ReLU and pooling."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class TwoConv(nn.Module):
    """32 kernels of 5x5, 64 of 3x3, and a dense layer: 50,794 parameters for one channel and ten classes.

    Sources: LeCun et al. 1998 for the pattern; Ioffe & Szegedy 2015, arXiv:1502.03167, for the normalisation, which stands
    before the non-linearity and makes biases of the convolutions superfluous, and the scaling of pixels, too.
    """

    def __init__(self, classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, 32, 5, padding=2, bias=False), nn.BatchNorm2d(32)
        self.conv2, self.bn2 = nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.linear = nn.Linear(64 * 7 * 7, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, channels, 28, 28] in [0, 1]."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 2)  # [b, 32, 14, 14]
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)  # [b, 64, 7, 7]
        logits: Tensor = self.linear(x.flatten(1))
        return logits
