"""The weighed mean of two classifiers' logits."""

from pydantic import Field
from torch import Tensor, nn

from zoo.specs import Frozen


class Options(Frozen):
    """Of `ensemble/mean`."""

    weight: float = Field(default=0.5, ge=0, le=1, description="Of the first.")


class Mean(nn.Module):
    """Logits [b, classes]; both must name their classes alike."""

    def __init__(self, first: nn.Module, second: nn.Module, weight: float) -> None:
        super().__init__()
        self.first, self.second, self.weight = first, second, weight

    def forward(self, images: Tensor) -> Tensor:
        mixed: Tensor = self.weight * self.first(images) + (1 - self.weight) * self.second(images)
        return mixed
