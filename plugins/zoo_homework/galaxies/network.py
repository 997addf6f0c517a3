"""A galaxy has no up or down: a network that is asked about all eight turns and mirror images of it."""

import timm
import torch
from torch import Tensor, nn

from zoo.errors import ModelError
from zoo.imaging import Normalise


class GalaxyNet(nn.Module):
    """float32 [b, 3, h, w] in [0, 1], h = w -> logits [b, classes].

    In training the backbone sees an image as it comes, in evaluation all eight of its turns and mirror images, whose logits
    are averaged (test-time augmentation; Dieleman et al. 2015, section 4.1).
    """

    def __init__(self, backbone: str, classes: int) -> None:
        super().__init__()
        try:
            self.backbone = timm.create_model(backbone, pretrained=False, num_classes=classes)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"timm has no backbone {backbone!r}: {error}", "timm.list_models() names them") from error
        self.normalise = Normalise()  # of ImageNet, with which timm's backbones were trained

    def forward(self, images: Tensor) -> Tensor:
        images = self.normalise(images)
        if self.training:
            return self.backbone(images)  # type: ignore[no-any-return]
        return torch.stack([self.backbone(view) for view in views(images)]).mean(dim=0)


def views(images: Tensor) -> list[Tensor]:
    """The eight turns and mirror images of square images [b, c, h, h]."""
    return [turned for image in (images, images.flip(3)) for turned in (image.rot90(turns, (2, 3)) for turns in range(4))]
