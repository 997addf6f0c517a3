"""Concentration, where the answer is known: points drawn evenly from a ball of ℝᵈ, and a plane through its centre that halves it.

The larger d is, the nearer to the plane are nearly all points, while random noise must be as long as ever to take them across.
All norms are in radii of the ball. In images of d pixels the ball of radius 1/2 about grey is in [0, 1].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.data import ArrayDataset
from zoo.errors import OptionError
from zoo.metrics import Score
from zoo.seeds import sample_seed
from zoo.tasks import DataInfo, ModelInfo
from zoo_robust.fragility.dimension import ball_dimension, dimension
from zoo_robust.fragility.norms import expected_ratio, measured, median
from zoo_robust.fragility.subject import Subject

RADIUS = 0.5
CHUNK = 2**22
"""Numbers of points that are held at once."""


@dataclass(frozen=True)
class Concentration:
    """One ball: each measured score beside what it is exactly."""

    d: int
    dimension: Score
    exact_dimension: float
    adversarial: Score
    exact_adversarial: float
    noise: Score
    exact_noise: float
    ratio: Score
    exact_ratio: float


class HalfSpaces(nn.Module):
    """Logits (0, x₁ - 1/2) of images of d pixels: the plane halves the ball, and the distance to it is |x₁ - 1/2|."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, 2] of images [b, 1, 1, d]."""
        height = images.flatten(1)[:, 0] - 0.5
        return torch.stack([torch.zeros_like(height), height], dim=1)


def concentration(
    dimensions: Sequence[int],
    *,
    attack: str = "robust/deepfool",
    samples: int = 1000,
    pairs: int = 100_000,
    lines: int = 32,
    seed: int = 0,
) -> list[Concentration]:
    """The balls of these dimensions: norms on `samples` points of each, n(0) on `pairs` pairs of them. Raises OptionError."""
    if wrong := [d for d in dimensions if d < 1]:
        raise OptionError(f"there is no ball of dimension {wrong[0]}", "name dimensions of 1 or more")
    if samples < 1 or pairs < 1:
        raise OptionError("`samples` and `pairs` must be 1 or more", "1000 and 100000 do for most")
    return [_ball(d, attack, samples, pairs, lines, seed) for d in dimensions]


def _ball(d: int, attack: str, samples: int, pairs: int, lines: int, seed: int) -> Concentration:
    norms = measured(half_ball(d, samples, seed), (attack,), lines=lines, seed=seed)
    exact = median_height(d)
    return Concentration(
        d=d,
        dimension=pair_dimension(d, pairs, seed),
        exact_dimension=ball_dimension(d),
        adversarial=median(norms.smallest / RADIUS, "the attack fails"),
        exact_adversarial=exact,
        noise=median(norms.noise / RADIUS, "noise does not do as much"),
        exact_noise=exact * expected_ratio(d),
        ratio=norms.scores()["ratio"],
        exact_ratio=expected_ratio(d),
    )


def half_ball(d: int, samples: int, seed: int) -> Subject:
    """The plane as a classifier, and points of the ball as the images that it classifies, all of them rightly."""
    points = in_ball(d, samples, torch.Generator().manual_seed(sample_seed(seed, f"points of the {d}-ball")))
    images = (0.5 + RADIUS * points).float().clamp(0, 1).view(samples, 1, 1, d)
    network = HalfSpaces()
    labels = network(images).argmax(1).tolist()
    dataset = ArrayDataset(images, labels, [f"{d}-{number}" for number in range(samples)], ("below", "above"))
    data = DataInfo(f"the {d}-ball", "test", "image", dataset.classes)
    return Subject(network, ModelInfo("the plane", "image", "dataset"), data, dataset)


def pair_dimension(d: int, pairs: int, seed: int) -> Score:
    """n(0) as it is measured on independent pairs of points of the ball, whose centre is known."""
    generator = torch.Generator().manual_seed(sample_seed(seed, f"pairs of the {d}-ball"))
    chunk = max(1, CHUNK // (2 * d))
    exceeding = 0
    for start in range(0, pairs, chunk):
        x, y = in_ball(d, 2 * min(chunk, pairs - start), generator).view(-1, 2, d).unbind(1)
        exceeding += int((((x - y) * y).sum(1) >= 0).sum())
    return dimension(exceeding, pairs)


def in_ball(d: int, count: int, generator: torch.Generator) -> Tensor:
    """Points float64 [count, d], uniform in the unit ball."""
    directions = torch.randn(count, d, generator=generator, dtype=torch.float64)
    radii = torch.rand(count, 1, generator=generator, dtype=torch.float64) ** (1 / d)
    points: Tensor = radii * directions / directions.norm(dim=1, keepdim=True)
    return points


def median_height(d: int) -> float:
    """Median distance from the plane, in radii: of a point uniform in the ball, x₁² has the distribution Beta(1/2, (d + 1)/2)."""
    from scipy.special import betaincinv

    return math.sqrt(betaincinv(0.5, (d + 1) / 2, 0.5))
