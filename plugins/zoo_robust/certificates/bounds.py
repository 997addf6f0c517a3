"""Bounds of every layer of a chain over a ball, and of linear functions of what a layer is given.

Sound for the victim as it runs. Bounds are computed in float64, and each gives way by what its own rounding may amount to:
a sum of n products is off by at most γ = n u / (1 - n u) times the sum of their sizes, in whatever order it is added up, with
unit roundoff u = 2⁻⁵³ (Higham 2002, Accuracy and stability of numerical algorithms, section 3.1). The victim itself rounds with
u = 2⁻²⁴: how far that takes its logits from exact ones is bounded in the same manner through all layers, and a margin certifies
only where it is larger. (Jia & Rinard 2021, arXiv:2003.03021, attack verifiers that leave this out.)
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from zoo.tasks import TOLERANCE, Threat
from zoo_robust.certificates.chain import Chain, step
from zoo_robust.certificates.layers import Affine, Layer, Relu

SINGLE, DOUBLE = 2.0**-24, 2.0**-53


class Region:
    """The images [b, c, h, w] within eps of the clean ones, and in [0, 1]; eps is as much larger as the core lets attacks be."""

    def __init__(self, images: Tensor, threat: Threat) -> None:
        if threat.eps is None:
            raise ValueError("a certificate is within a bound, and none was given")
        self.threat = threat
        self.clean, self.norm = images.double(), threat.norm
        self.eps = threat.eps * (1 + 2 * TOLERANCE)
        self.low, self.high = (self.clean - self.eps).clamp_min(0), (self.clean + self.eps).clamp_max(1)

    def __len__(self) -> int:
        return len(self.clean)

    def keep(self, rows: Tensor) -> "Region":
        """The regions of some of the images."""
        return Region(self.clean[rows], self.threat)

    def span(self, rows: Tensor, of: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Bounds of linear functions of an image, rows [s, ...], from both sides, and the size of what they are added up from.

        `of` gives what belongs to each row of values of all images.
        """
        low, high, _ = span_in_box(rows, of(self.low), of(self.high))
        size = rows.flatten(1).abs().sum(1)  # as pixels are at most 1
        if self.norm == "l2":
            value, reach = inner(rows, of(self.clean)), self.eps * rows.flatten(1).norm(dim=1)
            low, high = torch.maximum(low, value - reach), torch.minimum(high, value + reach)
            size = (1 + self.eps) * size
        return low, high, size


def inner(rows: Tensor, values: Tensor) -> Tensor:
    """Inner products of [s, ...] with [s, ...]: [s]."""
    products: Tensor = torch.linalg.vecdot(rows.flatten(1), values.flatten(1))
    return products


def span_in_box(rows: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The least and the most that rows [s, ...] make of values from low to high, and the size of what is added up: [s] each."""
    middle, half = (high + low) / 2, (high - low) / 2
    value, reach = inner(rows, middle), inner(rows.abs(), half)
    return value - reach, value + reach, reach + inner(rows.abs(), middle.abs())


@dataclass
class Bounds:
    """Of what each layer of the chain is given: `low` and `high` [b, *inside].

    `size` is, of an affine layer, the size of what its outputs are added up from, [b, *outside]; of ReLU that of its input.
    `rounding` [b, outputs] bounds how far the victim's float32 logits are from exact ones.
    """

    chain: Chain
    region: Region
    low: list[Tensor]
    high: list[Tensor]
    size: list[Tensor]
    rounding: Tensor
    lines: dict[tuple[int, str], tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)
    """What linear bounds of a ReLU are made of, by its place and the manner."""

    @property
    def last(self) -> int:
        """The layer behind the last ReLU; 0 where there is none."""
        return max((place + 1 for place, layer in enumerate(self.chain.layers) if isinstance(layer, Relu)), default=0)


class Walk:
    """Interval bound propagation: a box goes through the chain, layer by layer, and may be narrowed on the way.

    Source: Gowal et al. 2018, On the effectiveness of interval bound propagation, arXiv:1810.12715, section 3; up to the first
    ReLU bounds over an L2 ball also come from the dual norm of each output's row.
    """

    def __init__(self, chain: Chain, region: Region) -> None:
        self.bounds = Bounds(chain, region, [region.low], [region.high], [], torch.zeros_like(region.clean))
        self._exact: Tensor | None = region.clean if region.norm == "l2" else None
        self._drift = torch.zeros_like(region.clean)
        """How far rounding may have taken that from exact values."""
        self._norms = torch.ones_like(region.clean[:1])
        """Of the rows of the product of the affine layers so far; before they mix anything it is diagonal."""
        self._mixed = False

    @property
    def low(self) -> Tensor:
        return self.bounds.low[-1]

    @property
    def high(self) -> Tensor:
        return self.bounds.high[-1]

    def narrow(self, low: Tensor, high: Tensor) -> None:
        """Take other bounds of what the next layer is given, where they are tighter."""
        self.bounds.low[-1] = torch.maximum(self.low, low)
        self.bounds.high[-1] = torch.minimum(self.high, high)

    def through(self, layer: Layer) -> None:
        """Go through the next layer."""
        if isinstance(layer, Affine):
            low, high = self._affine(layer)
        else:
            low, high = step(layer, self.low), step(layer, self.high)
            self.bounds.rounding = self.bounds.rounding.reshape(low.shape)
            self.bounds.size.append(torch.maximum(self.low.abs(), self.high.abs()))
            self._after(layer)
        self.bounds.low.append(low)
        self.bounds.high.append(high)

    def _affine(self, layer: Affine) -> tuple[Tensor, Tensor]:
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        strength = layer.weight.abs()
        largest = torch.maximum(self.low.abs(), self.high.abs())
        size = layer.times(strength, largest) + layer.bulk
        spread, centre = layer.times(strength, half), layer(middle)
        give = gamma(layer.terms, DOUBLE) * size
        low, high = centre - spread - give, centre + spread + give
        if self._exact is not None:
            self._exact, self._drift = layer(self._exact), layer.times(strength, self._drift) * (1 + 1e-9) + give
            self._norms = self._rows(layer) * (1 + gamma(layer.terms, DOUBLE))
            radius = self.bounds.region.eps * self._norms + 2 * self._drift
            low, high = torch.maximum(low, self._exact - radius), torch.minimum(high, self._exact + radius)
        single = gamma(layer.terms, SINGLE)
        rounding = self.bounds.rounding
        self.bounds.rounding = layer.times(strength, rounding) * (1 + single) + single * size
        self.bounds.size.append(size)
        return low, high

    def _rows(self, layer: Affine) -> Tensor:
        """Euclidean norms of the rows of the product, or bounds of them: the triangle inequality once it is no more diagonal."""
        if self._mixed or layer.terms == 1:
            return layer.times(layer.weight.abs(), self._norms)
        self._mixed = True
        return layer.times(layer.weight.square(), self._norms.square()).sqrt()

    def _after(self, layer: Layer) -> None:
        if isinstance(layer, Relu):
            self._exact = None
        elif self._exact is not None:
            self._exact, self._drift, self._norms = (step(layer, x) for x in (self._exact, self._drift, self._norms))


def gamma(terms: int, unit: float) -> float:
    """γ of sums of so many products, and of the few steps about them."""
    n = (terms + 16) * unit
    return n / (1 - n)


def walked(chain: Chain, region: Region) -> Bounds:
    """Interval bounds of all layers."""
    walk = Walk(chain, region)
    for layer in chain.layers:
        walk.through(layer)
    return walk.bounds
