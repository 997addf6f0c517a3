"""The set that an attacker may choose from: the images within eps of the clean one, and in the range, [0, 1] of pixels."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor

from zoo.seeds import sample_seed
from zoo.tasks import Threat


class Ball(ABC):
    """The balls about a batch of clean images [b, c, h, w], one each."""

    def __init__(self, clean: Tensor, eps: float, low: float = 0.0, high: float = 1.0) -> None:
        self.clean, self.eps = clean, eps
        self.bounds = low, high

    @abstractmethod
    def project(self, images: Tensor) -> Tensor:
        """The images, each brought back into its ball and into the range, [0, 1] of pixels."""

    @abstractmethod
    def steepest(self, gradient: Tensor) -> Tensor:
        """The direction of norm 1 in which a linear function of this gradient grows most; 0 where the gradient is 0."""

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Tensor:
        """A perturbation [c, h, w] that is uniform in the ball, before pixels are cut to [0, 1]."""

    def start(self, seeds: Sequence[int]) -> Tensor:
        """A random image of each ball; that of sample i depends on seeds[i] alone."""
        noise = each(seeds, self.draw).to(self.clean)
        return self.project(self.clean + noise)

    def keep(self, mask: Tensor) -> Self:
        """The balls of some of the samples."""
        return type(self)(self.clean[mask], self.eps, *self.bounds)


class LinfBall(Ball):
    """Each pixel changes by at most eps."""

    def __init__(self, clean: Tensor, eps: float, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__(clean, eps, low, high)
        exact = clean.double()
        self.low, self.high = (exact - eps).clamp_min(low).float(), (exact + eps).clamp_max(high).float()
        # Rounded to float32, a bound may lie outside the ball: then the next number inwards is taken.
        self.low = torch.where(self.low < exact - eps, torch.nextafter(self.low, self.clean), self.low)
        self.high = torch.where(self.high > exact + eps, torch.nextafter(self.high, self.clean), self.high)

    def project(self, images: Tensor) -> Tensor:
        return torch.clamp(images, self.low, self.high)

    def steepest(self, gradient: Tensor) -> Tensor:
        signs: Tensor = gradient.sign()
        return signs

    def draw(self, generator: torch.Generator) -> Tensor:
        return self.eps * (2 * torch.rand(self.clean.shape[1:], generator=generator) - 1)


class L2Ball(Ball):
    """The Euclidean distance is at most eps."""

    def project(self, images: Tensor) -> Tensor:
        change = images - self.clean
        # Cutting to the range afterwards only shortens the change, as the clean image is in it.
        shorter = (self._reach() / euclidean(change).clamp_min(1e-30)).clamp_max(1)
        inside: Tensor = torch.clamp(self.clean + change * shorter, *self.bounds)
        return inside

    def _reach(self) -> float | Tensor:
        """eps, less what rounding a sum to float32 may add; of pixels that is far below the tolerance of the check."""
        if self.bounds == (0, 1):
            return self.eps
        return (self.eps - 2.0**-23 * (euclidean(self.clean) + self.eps)).clamp_min(0)

    def steepest(self, gradient: Tensor) -> Tensor:
        return gradient / euclidean(gradient).clamp_min(1e-30)

    def draw(self, generator: torch.Generator) -> Tensor:
        direction = torch.randn(self.clean.shape[1:], generator=generator)
        radius = torch.rand((), generator=generator) ** (1 / direction.numel())  # the volume grows as the d-th power
        noise: Tensor = self.eps * radius * direction / torch.linalg.vector_norm(direction)
        return noise


def ball(clean: Tensor, threat: Threat) -> Ball:
    """The balls that a threat model allows about clean images."""
    if threat.eps is None:
        raise ValueError("this attack keeps to a bound, and none was given")
    if threat.norm not in ("linf", "l2"):
        raise ValueError(f"this attack moves numbers, and a bound of {threat.norm} is on texts")
    return (LinfBall if threat.norm == "linf" else L2Ball)(clean, threat.eps, threat.low, threat.high)


def each(seeds: Sequence[int], draw: Callable[[torch.Generator], Tensor]) -> Tensor:
    """What `draw` gives with a generator of each seed, stacked; on the CPU, so that every device has the same numbers."""
    return torch.stack([draw(torch.Generator().manual_seed(seed)) for seed in seeds])


def nested(seeds: Sequence[int], restart: int) -> list[int]:
    """Seeds of a restart, whatever the number of restarts: one more can only find more."""
    return [sample_seed(seed, f"restart {restart}") for seed in seeds]


def euclidean(images: Tensor) -> Tensor:
    """Euclidean norm of each image, [b, 1, 1, 1]."""
    norms: Tensor = torch.linalg.vector_norm(images.flatten(1), dim=1)
    return norms.view(-1, 1, 1, 1)
