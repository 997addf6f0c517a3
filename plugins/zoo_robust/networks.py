"""The network on which defences and certificates are compared."""

from torch import nn


class SmallConvNet(nn.Sequential):
    """Two strided convolutions and two linear layers: 166,406 parameters for 28x28 grey images and ten classes.

    Images float32 [b, 1, 28, 28] in [0, 1], not normalised, so that eps is the same at the pixels and at the first layer;
    logits float32 [b, classes]. Source: Wong & Kolter 2018, arXiv:1711.00851, section 5.2; parameters are named as those of
    the authors' `mnist_model` (`locuslab/convex_adversarial`), whose weights load strictly.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 100),
            nn.ReLU(),
            nn.Linear(100, classes),
        )
