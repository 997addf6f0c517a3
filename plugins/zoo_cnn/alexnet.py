"""AlexNet in one column, with the parameter names of torchvision."""

from torch import Tensor, nn

from zoo.imaging import Normalise


class AlexNet(nn.Module):
    """Five convolutions, three dense layers: 61,100,840 parameters for 1,000 classes.

    Source: Krizhevsky, Sutskever & Hinton 2012, in the one-column form of Krizhevsky 2014 (arXiv:1404.5997), without local
    response normalisation; this is the form of torchvision's weights.
    """

    def __init__(self, classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            *(nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
            *(nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU()),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of RGB images [b, 3, h, w] in [0, 1]; made for 224x224, at least 63x63."""
        x = self.avgpool(self.features(self.normalise(images)))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits
