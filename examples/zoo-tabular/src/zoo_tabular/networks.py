"""Networks of vectors, whose first layer standardises each feature by what training has seen of it."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class Network(nn.Module):
    """Linear layers with a ReLU between each two, behind a standardisation by running mean and variance."""

    def __init__(self, features: int, hidden: Sequence[int], classes: int) -> None:
        super().__init__()
        self.standard = nn.BatchNorm1d(features, affine=False, momentum=None)  # None: the mean over all batches
        sizes = [features, *hidden, classes]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))

    def forward(self, vectors: Tensor) -> Tensor:
        """Logits [b, classes] of vectors [b, features]."""
        x: Tensor = self.standard(vectors)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        logits: Tensor = self.layers[-1](x)
        return logits
