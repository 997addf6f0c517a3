"""The Inception network of FID, as a feature extractor: Inception-v3 as TensorFlow's graph of 2015-12-05 has it.

It differs from torchvision's in its pooling branches and its 1,008 outputs. Sources: Szegedy et al. 2016, Rethinking the
Inception architecture, arXiv:1512.00567; Heusel et al. 2017, arXiv:1706.08500; weights and differences: pytorch-fid.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import inception as blocks


class _AveragePooled(nn.Module):
    """Mixin: averages in the last branch count the pixels there are, not the padding."""

    branch_pool: nn.Module

    def _forward(self, x: Tensor) -> list[Tensor]:
        *branches, _ = super()._forward(x)  # type: ignore[misc]
        return [*branches, self.branch_pool(F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False))]


class InceptionA(_AveragePooled, blocks.InceptionA): ...  # type: ignore[misc]


class InceptionC(_AveragePooled, blocks.InceptionC): ...  # type: ignore[misc]


class InceptionE(_AveragePooled, blocks.InceptionE): ...  # type: ignore[misc]


class MaxPooledE(blocks.InceptionE):  # type: ignore[misc]
    """The very last block takes the maximum instead: an oddity of that graph, on which FID rests."""

    def _forward(self, x: Tensor) -> list[Tensor]:
        *branches, _ = super()._forward(x)
        return [*branches, self.branch_pool(F.max_pool2d(x, 3, stride=1, padding=1))]


class Unread(nn.Linear):
    """The classifier, whose weights come with the rest: FID looks at what it is given."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class FidInception(blocks.Inception3):  # type: ignore[misc]
    """Features [b, 2048] of the last average pooling. Parameters are named as torchvision's, and so are the weights'."""

    def __init__(self) -> None:
        kinds = [
            blocks.BasicConv2d,
            InceptionA,
            blocks.InceptionB,
            InceptionC,
            blocks.InceptionD,
            InceptionE,
            blocks.InceptionAux,
        ]
        super().__init__(num_classes=1008, aux_logits=False, inception_blocks=kinds, init_weights=False)
        self.Mixed_7c = MaxPooledE(2048)
        self.fc = Unread(2048, 1008)

    def forward(self, images: Tensor) -> Tensor:
        """Of RGB images [b, 3, h, w] in [0, 1], resized to 299x299 bilinearly and without antialiasing, as pytorch-fid does."""
        resized = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False)
        features: Tensor = self._forward(2 * resized - 1)[0]
        return features
