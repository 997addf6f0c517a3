"""How the learning rate follows the size of the batch."""

from pydantic import Field

from zoo.specs import Frozen


class LinearScaling(Frozen):
    """In proportion to the batch. Source: Goyal et al. 2017, arXiv:1706.02677, section 2.1; with a warm-up, as they say."""

    base: int = Field(default=64, ge=1, description="Size of batch that the recipe's rate is meant for.")

    def rate(self, batch_size: int, /) -> float:
        return batch_size / self.base


class SquareRootScaling(Frozen):
    """In proportion to its root. Source: Krizhevsky 2014, arXiv:1404.5997, section 5; You et al. 2020 for LAMB."""

    base: int = Field(default=64, ge=1, description="Size of batch that the recipe's rate is meant for.")

    def rate(self, batch_size: int, /) -> float:
        return float((batch_size / self.base) ** 0.5)
