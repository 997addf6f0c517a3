"""The certificate of randomised smoothing, as a model of task attack that certifies."""

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from zoo.errors import ModelError
from zoo.remarks import remark
from zoo.specs import Frozen
from zoo.tasks import TOLERANCE, Certified, Threat, Victim
from zoo_robust.smoothing.smoothed import Alpha, Sigma, Smoothed
from zoo_robust.smoothing.votes import certified, votes


class Smoothing(Frozen):
    """Certifies what becomes of the victim when it is smoothed by noise: its vote holds within the radius.

    `n0` draws choose the class, `n` others bound its probability; each radius holds with probability of at least 1 - alpha.
    What is predicted is the answer of the smoothed classifier, not of the victim. Under an L-infinity threat the radius is that
    of the largest cube inside the ball. Source: Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918, algorithm 1 (CERTIFY).
    """

    sigma: Sigma = 0.25
    n0: int = Field(default=100, ge=1, description="Noisy images that choose the class.")
    n: int = Field(default=100_000, ge=1, description="Noisy images that bound the probability of the class.")
    alpha: Alpha = 0.001

    @torch.no_grad()
    def certify(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Certified:
        """Radii of images [b, c, h, w] in [0, 1]."""
        if isinstance(victim.model, Smoothed):
            raise ModelError(
                f"{victim.name} is smoothed already, and is certified by smoothing its base", "name its base as the victim"
            )
        self._say(victim, threat, inputs[0].numel())
        shrink = 1 / (1 + TOLERANCE) / (math.sqrt(inputs[0].numel()) if threat.norm == "linf" else 1)
        found = [self._one(victim, image, seed) for image, seed in zip(inputs, seeds, strict=True)]
        radius = torch.tensor([radius * shrink for _, radius in found], dtype=torch.float64)
        return Certified(radius, torch.tensor([answer for answer, _ in found], dtype=torch.int64))

    def _one(self, victim: Victim, image: Tensor, seed: int) -> tuple[int, float]:
        first, counts = votes(victim, image, self.sigma, [self.n0, self.n], seed)
        return certified(first, counts, self.sigma, self.alpha)

    def _say(self, victim: Victim, threat: Threat, pixels: int) -> None:
        cube = f", divided by the root of {pixels:,} pixels for {threat.norm}" if threat.norm == "linf" else ""
        remark(
            f"certified is {victim.name} smoothed by noise of deviation {self.sigma:g}, from {self.n0:,} and {self.n:,} draws an "
            f"image; each radius{cube} holds with probability {1 - self.alpha:g}, as no certificate of {victim.name} itself does"
        )
