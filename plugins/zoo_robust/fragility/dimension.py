"""The intrinsic dimension of data, and of what each layer of a network makes of them.

n(δ) = -1 - log₂ P(⟨x - y, y⟩ ≥ δ) for x and y drawn independently, as points about the centre of the data: it is large where a
hyperplane through y, at right angles to y, almost always has x on its inner side, so that points can be told apart.
It is calibrated so that n(0) of the uniform distribution in a ball of ℝᵈ about its centre is d.

Here the centre is the mean of the samples, and δ is in units of R², the mean of ‖x‖² about it, so that it means the same in
every layer. The samples are drawn by lot and paired off, each in one pair alone: the pairs are independent, and
P has Clopper & Pearson's interval. Where no pair exceeds δ, all that is known is a lower bound of n(δ), which is given.

Source: Sutton, Zhou, Wang, Gorban, Higham & Tyukin 2023, Relative intrinsic dimensionality is intrinsic to learning,
arXiv:2311.07579, definition 1; Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.errors import OptionError, PredictionError
from zoo.metrics import Score
from zoo.remarks import remark
from zoo.tasks import Batch
from zoo_robust.fragility.layers import recorded
from zoo_robust.fragility.subject import Chosen, Subject, by_lot

INPUT = "input"
LEVEL = 0.95
SPREAD = 1e-10
"""Of the mean square about zero: where features spread less about their mean than rounding does, they are constant."""

Features = dict[str, Tensor]
"""Layer to its features of some samples, float64 [b, width]."""


@dataclass(frozen=True)
class LayerDimension:
    """n(δ) by δ of one layer: `width` numbers a sample, of mean square `spread` (R²) about their mean."""

    layer: str
    width: int
    spread: float
    by_delta: dict[float, Score]


def measured(
    subject: Subject, *, deltas: Sequence[float] = (0.0,), limit: int | None = None, seed: int = 0
) -> list[LayerDimension]:
    """n(δ) of the inputs and of each layer of a network, on `limit` samples that the seed draws (None: on all).

    Raises ModelError where the layers cannot be seen, OptionError for fewer than two samples or a δ below 0, and PredictionError
    where features are not finite.
    """
    if not deltas or not all(0 <= delta < math.inf for delta in deltas):
        raise OptionError(f"`deltas` are numbers of 0 or more, not {tuple(deltas)}", "0 is the one that needs no unit")
    samples = by_lot(subject.dataset, seed, limit)
    if len(samples) < 2:
        raise OptionError(f"{len(samples)} sample of {subject.data.name} is no pair", "ask for 2 or more")
    centres, squares = _centres(subject, samples)
    pairs: dict[str, list[Tensor]] = {layer: [] for layer in centres}
    waiting: Features = {}
    for features in _features(subject, samples, centres):
        for layer, rows in features.items():
            joined = torch.cat([waiting[layer], rows]) if layer in waiting else rows
            even = len(joined) // 2 * 2
            x, y = joined[0:even:2], joined[1:even:2]
            pairs[layer].append(((x - y) * y).sum(1))
            waiting[layer] = joined[even:]
    return [
        _layer(layer, len(centre), squares[layer], centre, torch.cat(pairs[layer]), deltas) for layer, centre in centres.items()
    ]


def _layer(layer: str, width: int, square: float, centre: Tensor, products: Tensor, deltas: Sequence[float]) -> LayerDimension:
    spread = square - float(centre.square().sum())
    if spread <= SPREAD * square:
        constant = Score(None, len(products), interval="none: the features are the same for every sample")
        return LayerDimension(layer, width, 0.0, dict.fromkeys(deltas, constant))
    return LayerDimension(
        layer, width, spread, {delta: dimension(int((products >= delta * spread).sum()), len(products)) for delta in deltas}
    )


def paired(points: Tensor) -> Score:
    """n(0) of points [n, width] whose order is random: those at 0 and 1 are a pair, those at 2 and 3, and so on."""
    about = points.double() - points.double().mean(0)
    x, y = about[0 : len(about) // 2 * 2 : 2], about[1 : len(about) // 2 * 2 : 2]
    return dimension(int((((x - y) * y).sum(1) >= 0).sum()), len(x))


def dimension(exceeding: int, pairs: int) -> Score:
    """n = -1 - log₂ P, where `exceeding` of `pairs` independent pairs exceed δ; n of the score counts the pairs.

    Two-sided 95 % by Clopper & Pearson. Where none exceeds, there is no value but a lower bound, one-sided 95 %: P is at most
    1 - 0.05^(1/pairs).
    """
    from scipy.special import betaincinv

    if pairs < 1:
        return Score(None, 0, interval="none: no pairs")
    if exceeding == 0:
        low = -1 - math.log2(-math.expm1(math.log(1 - LEVEL) / pairs))
        return Score(
            None, pairs, low, None, f"Clopper-Pearson, one-sided: none of {pairs:,} pairs exceeds δ, so n is at least this"
        )
    tail = (1 - LEVEL) / 2
    least = float(betaincinv(exceeding, pairs - exceeding + 1, tail))
    most = 1.0 if exceeding == pairs else float(betaincinv(exceeding + 1, pairs - exceeding, 1 - tail))
    return Score(-1 - math.log2(exceeding / pairs), pairs, -1 - math.log2(most), -1 - math.log2(least), "Clopper-Pearson")


def ball_dimension(d: int, delta: float = 0.0) -> float:
    """n(δ) of the uniform distribution in the unit ball of ℝᵈ about its centre, 0 ≤ δ < 1/4; d for δ = 0.

    For a given x, the points y with ⟨x - y, y⟩ ≥ δ are the ball about x/2 of radius √(‖x‖²/4 - δ), which lies in the unit ball.
    So P = E[(‖x‖²/4 - δ)₊^(d/2)], and ‖x‖ᵈ is uniform on [0, 1].
    """
    from scipy.integrate import quad

    if not 0 <= delta < 0.25:
        raise OptionError(f"`delta` {delta} is not in [0, 0.25): no two points of the unit ball exceed 1/4", "take a smaller one")
    if delta == 0:
        return float(d)
    first = (4 * delta) ** (d / 2)
    # By its largest value: for large d the integrand itself is too small for floating point.
    top = d / 2 * math.log(0.25 - delta)
    share, _ = quad(lambda u: math.exp(d / 2 * math.log(max(u ** (2 / d) / 4 - delta, 1e-300)) - top), first, 1, limit=200)
    return -1 - (top + math.log(share)) / math.log(2)


def _centres(subject: Subject, samples: Chosen) -> tuple[Features, dict[str, float]]:
    """Mean and mean square of the features of each layer; layers whose width changes from batch to batch are left out."""
    totals: Features = {}
    squares: dict[str, float] = {}
    left_out: dict[str, None] = {}
    for features in _features(subject, samples):
        for layer, rows in features.items():
            if layer in totals and len(totals[layer]) != rows.shape[1]:
                left_out[layer] = None
            if layer not in left_out:
                totals[layer] = totals.get(layer, 0) + rows.sum(0)
                squares[layer] = squares.get(layer, 0.0) + float(rows.square().sum()) / len(samples)
    if left_out:
        remark(f"layers of {subject.info.name} whose width changes with the samples have no dimension: {', '.join(left_out)}")
    return {layer: total / len(samples) for layer, total in totals.items() if layer not in left_out}, squares


def _features(subject: Subject, samples: Chosen, centres: Features | None = None) -> Iterator[Features]:
    """The features of each batch, about `centres` where they are known. Raises PredictionError where they are not finite."""
    with recorded(subject.network, subject.info.name) as calls:
        for batch in subject.batches(samples):
            found: Features = {}
            inputs = [(INPUT, batch.inputs)] if isinstance(batch.inputs, Tensor) else []
            for layer, output in [*inputs, *((call.name, call.output) for call in calls)]:
                if centres is not None and layer not in centres:
                    continue
                if len(output) == len(batch) and output.is_floating_point():
                    rows = output.flatten(1) if output.ndim > 1 else output[:, None]
                    _check_finite(rows, layer, batch, subject.info.name)
                    found[layer] = rows.double() - (0 if centres is None else centres[layer])
            calls.clear()
            yield found


def _check_finite(rows: Tensor, layer: str, batch: Batch, name: str) -> None:
    bad = (~torch.isfinite(rows)).any(1).nonzero().flatten().tolist()
    if bad:
        ids = [batch.ids[row] for row in bad]
        raise PredictionError(
            f"features of layer {layer} of {name} are not finite on {len(ids)} samples, such as {ids[0]}",
            "nothing of them is measured; look at that layer's weights",
            ids,
        )
