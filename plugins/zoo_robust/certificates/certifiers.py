"""Certifiers: from bounds to a verdict at eps, or to a radius by bisection."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from zoo.errors import ModelError, OptionError
from zoo.specs import Frozen
from zoo.tasks import Certified, Ratio, Threat, Victim, margins
from zoo_robust.certificates.backward import TOGETHER, Relaxation, least, narrowed
from zoo_robust.certificates.bounds import Bounds, Region, walked
from zoo_robust.certificates.chain import Chain, read_chain
from zoo_robust.certificates.rows import Rows


class _ByBounds(Frozen):
    """Certifies where the least margin of the label over every other class is above 0 on the whole ball within [0, 1].

    The last layer is merged with the differences of logits (Gowal et al. 2018, section 3): what two have in common cancels.
    """

    bisections: int = Field(
        default=0, ge=0, le=50, description="Halvings of the radius between 0 and `largest`; 0: a verdict at eps alone."
    )
    largest: Ratio | None = Field(default=None, gt=0, allow_inf_nan=False, description="Largest radius tried. Default: 2 eps.")

    def certify(self, victim: Victim, inputs: Tensor, labels: Tensor, threat: Threat, seeds: Sequence[int], /) -> Certified:
        if torch.is_autocast_enabled(inputs.device.type):
            raise ModelError(
                "a certificate is of float32 arithmetic, and the victim would run at another", "set `precision` fp32"
            )
        eps = 0.0 if threat.eps is None else threat.eps
        limit = (self.largest or 2 * eps) if self.bisections else eps
        if limit < eps:
            raise OptionError(
                f"the largest radius that is tried, {limit:g}, is below eps, {eps:g}", "set `largest` to eps or more"
            )
        with torch.no_grad():
            chain, problem = read_chain(victim, inputs), _Problem(victim, inputs, labels)
            radius = torch.zeros(len(inputs), dtype=torch.float64, device=inputs.device)
            if eps == 0 or not len(problem.right):
                return Certified(radius, limit=limit)
            holds = self._holds(chain, problem, problem.right, torch.full_like(radius, eps), threat)
            radius[problem.right] = holds.double() * eps
            if self.bisections:
                radius = self._searched(chain, problem, radius, threat, limit)
        return Certified(radius, limit=limit)

    def _searched(self, chain: Chain, problem: "_Problem", proved: Tensor, threat: Threat, limit: float) -> Tensor:
        """Radii by bisection: each is one at which a certificate was found, so that nothing hangs on monotony."""
        rows = problem.right
        refuted = torch.full_like(proved, limit)
        refuted[rows[proved[rows] == 0]] = min(limit, threat.eps or limit)
        first = rows[proved[rows] > 0]
        proved[first] += self._holds(chain, problem, first, refuted, threat).double() * (refuted[first] - proved[first])
        for _ in range(self.bisections):
            rows = rows[proved[rows] < refuted[rows]]
            middle = (proved + refuted) / 2
            holds = self._holds(chain, problem, rows, middle, threat)
            proved[rows[holds]] = middle[rows[holds]]
            refuted[rows[~holds]] = middle[rows[~holds]]
        return proved

    def _holds(self, chain: Chain, problem: "_Problem", rows: Tensor, radius: Tensor, threat: Threat) -> Tensor:
        """Which of some samples are certified, each at its own radius: bool [len(rows)]."""
        holds = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        for value in sorted(set(radius[rows].tolist())):
            at = (radius[rows] == value).nonzero().flatten()
            region = Region(problem.images[rows[at]], Threat(threat.norm, value))
            holds[at] = self._certified(chain, region, problem.differences(rows[at]))
        return holds

    def _certified(self, chain: Chain, region: Region, differences: Tensor) -> Tensor:
        raise NotImplementedError


class Ibp(_ByBounds):
    """Interval bound propagation. Source: Gowal et al. 2018, arXiv:1810.12715."""

    def _certified(self, chain: Chain, region: Region, differences: Tensor) -> Tensor:
        bounds = walked(chain, region)
        return _least_margin(bounds, differences, "parallel", bounds.last) > 0


class FastLin(_ByBounds):
    """Parallel lines about every ReLU, taken back to the input. Source: Weng et al. 2018, arXiv:1804.09699; it is the convex
    outer bound of Wong & Kolter 2018 (Salman et al. 2019, arXiv:1902.08722).

    Dear bounds are computed for those samples alone that cheap ones leave: first those of intervals, then linear ones within
    intervals, then linear ones whose bounds of hidden layers are linear, too. What any of them proves, is proved.
    """

    intermediate: Literal["linear", "interval"] = Field(
        default="linear", description="Bounds of hidden layers: linear (tight, dear), or interval (as in CROWN-IBP)."
    )
    relaxations: ClassVar[tuple[Relaxation, ...]] = ("parallel",)

    def _certified(self, chain: Chain, region: Region, differences: Tensor) -> Tensor:
        bounds = walked(chain, region)
        holds = _least_margin(bounds, differences, "parallel", bounds.last) > 0
        for intermediate in ("interval",) if self.intermediate == "interval" else ("interval", "linear"):
            for manner in self.relaxations:
                left = (~holds).nonzero().flatten()
                if not len(left):
                    return holds
                bounds = walked(chain, region.keep(left))
                if intermediate == "linear":
                    bounds = narrowed(bounds, manner)
                holds[left] = _least_margin(bounds, differences[left], manner) > 0
        return holds


class Crown(FastLin):
    """Fast-Lin, and for what it leaves, lines below ReLU of slope 0 or 1. Source: Zhang et al. 2018, arXiv:1811.00866.

    Neither manner of lines is always the tighter, so what either proves counts.
    """

    relaxations: ClassVar[tuple[Relaxation, ...]] = ("parallel", "adaptive")


class _Problem:
    """Images of a victim, which of them it gets right, and what is to be above 0 of each."""

    def __init__(self, victim: Victim, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels
        self.right = (margins(victim(images), labels) > 0).nonzero().flatten()
        outputs = victim.outputs
        self._select = outputs.ordered(torch.eye(outputs.count, dtype=torch.float64, device=images.device)).T
        """[width, count]: scored outputs from the network's own."""

    def differences(self, rows: Tensor) -> Tensor:
        """The label's logit less every other's, as rows of the network's outputs: [len(rows), width - 1, count]."""
        label = self.labels[rows]
        width = len(self._select)
        others = torch.arange(width, device=rows.device).expand(len(rows), width)
        others = others[others != label[:, None]].view(len(rows), width - 1)
        return self._select[label][:, None] - self._select[others]


def _least_margin(bounds: Bounds, differences: Tensor, relaxation: Relaxation, stop: int = 0) -> Tensor:
    """By how much the least margin exceeds what the victim's own rounding may take from it, float64 [b]."""
    count, others, outputs = differences.shape
    end = len(bounds.chain.layers)
    rows = differences.reshape(count * others, outputs)
    owner = torch.arange(count, device=rows.device).repeat_interleave(others)
    parts = [
        least(bounds, Rows(rows[at : at + TOGETHER], owner[at : at + TOGETHER], (outputs,)), end, relaxation, stop)
        for at in range(0, len(rows), TOGETHER)
    ]
    lower = torch.cat(parts) - (rows.abs() * bounds.rounding[owner]).sum(1)
    return lower.view(count, others).amin(1)
