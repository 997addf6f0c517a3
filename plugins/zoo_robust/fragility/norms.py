"""How far a mistake is: the smallest adversarial perturbation beside the random noise that does as much.

At a sample x that the victim gets right, with everything Euclidean:

- *adversarial norm*: the smallest ‖r‖ that an attack of minimal norm finds with x + r in [0, 1] and wrong. It is an upper bound
  of the true smallest one, and infinite where the attack finds nothing.
- *noise norm*: the smallest s at which noise of length s does as much: of `lines` random directions u, uniform on the sphere, the
  victim errs at x + s u or x - s u on half or more. Found by doubling s and then bisection, so that what lasts
  for less than a doubling may be passed over. Noise may leave [0, 1].
- *ratio*: noise norm over adversarial norm. Where an attack fails it counts as 0, so that the median ratio is a lower bound.

Where the boundary near x is flat, at distance ρ, and w its unit normal, a line meets it at ρ / |⟨u, w⟩|, and half of all lines do
within ρ / median |⟨u, w⟩|, which is about 1.48 √d ρ in d dimensions: `expected_ratio` times ρ.
Source: Fawzi, Moosavi-Dezfooli & Frossard 2016, Robustness of classifiers: from adversarial to random noise,
arXiv:1608.08967, definition 1 with subspaces of dimension 1, and theorem 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import zoo
from zoo.errors import OptionError
from zoo.metrics import Score, order_statistics, scored
from zoo.opening import Choice, named_model
from zoo.options import parse_named
from zoo.runs import predicted
from zoo.seeds import sample_seed
from zoo.tasks import Victim, margins
from zoo_robust.fragility.subject import Subject, by_lot

Array = np.ndarray[Any, np.dtype[np.float64]]

OCTAVES = (-6, 6)
"""Exponents of 2 from and to which noise is doubled, as its root mean square a pixel: beyond 64 nothing of an image is left."""
PRECISION = 1 / 256
"""Bisection ends when the norm found is at most this share of it above the smallest one."""
TINIEST = 2.0**-40
"""Of a pixel: noise that does as much at this length is not looked for below it."""
ELEMENTS = 2**18
"""Numbers of a batch of noisy inputs, about: 1 MiB, which a CPU's cache holds."""


@dataclass(frozen=True)
class Norms:
    """Norms float64 [n] of the samples `ids` that the victim gets right, of `seen`; `dimension` is that of an input."""

    victim: str
    dataset: str
    ids: tuple[str, ...]
    seen: int
    dimension: int
    adversarial: dict[str, Array]
    """By attack."""
    noise: Array

    @property
    def smallest(self) -> Array:
        """The smallest adversarial norm that any of the attacks found."""
        smallest: Array = np.minimum.reduce(list(self.adversarial.values()))
        return smallest

    @property
    def ratios(self) -> Array:
        """Noise norm over adversarial norm; 0 where no attack found anything."""
        found = np.isfinite(self.smallest)
        return np.divide(self.noise, self.smallest, out=np.zeros_like(self.noise), where=found)

    def scores(self) -> dict[str, Score]:
        """Medians with intervals: of each attack's norms, of the smallest of several, of noise, and of the ratio."""
        by_attack = {name: median(norms, "the attack fails") for name, norms in self.adversarial.items()}
        lost = int(np.isinf(self.smallest).sum())
        note = f"a lower bound: no attack found anything on {lost:,} samples, whose ratio counts as 0" if lost else ""
        return {
            **by_attack,
            **({"smallest": median(self.smallest, "every attack fails")} if len(by_attack) > 1 else {}),
            "noise": median(self.noise, f"noise of {2 ** OCTAVES[1]} a pixel does not do as much"),
            "ratio": median(self.ratios, "noise does not do as much", note),
        }


def measured(
    subject: Subject, attacks: Sequence[str] = ("robust/deepfool",), *, limit: int | None = None, lines: int = 32, seed: int = 0
) -> Norms:
    """The norms of `limit` samples that the seed draws (None: of all).

    `attacks` are entries of task attack that keep to no eps, each perhaps with options (`robust/deepfool:steps=100`).
    Raises OptionError for one that keeps to an eps, and where the victim gets no sample right.
    """
    if lines < 1 or not attacks:
        raise OptionError(
            "nothing is measured without an attack and a line of noise", "name one attack or more, and 1 line or more"
        )
    built = {text: minimal_attack(text) for text in attacks}
    samples = by_lot(subject.dataset, seed, limit)
    task = subject.as_victim("l2")
    found: dict[str, list[Tensor]] = {text: [] for text in built}
    noise: list[Tensor] = []
    ids: list[str] = []
    dimension = 0
    for text, attack in built.items():
        for batch, outcome in predicted(task, attack, samples):
            labels = torch.as_tensor(batch.targets)
            right = margins(outcome.clean, labels) > 0
            turned = margins(outcome.adversarial, labels) <= 0
            found[text].append(torch.where(turned, outcome.norm, math.inf)[right])
            if text == attacks[0]:
                rows = right.nonzero().flatten().tolist()
                ids += [batch.ids[row] for row in rows]
                seeds = [sample_seed(seed, f"noise on {batch.ids[row]}") for row in rows]
                noise.append(noise_norms(task.victim, batch.inputs[right], labels[right], seeds, lines))  # type: ignore[attr-defined]
                dimension = batch.inputs[0].numel()
    if not ids:
        raise OptionError(
            f"{subject.info.name} gets none of {len(samples):,} samples of {subject.data.name} right, so no norm can be measured",
            "name a victim that was trained for this dataset",
        )
    adversarial = {text: torch.cat(parts).numpy() for text, parts in found.items()}
    return Norms(subject.info.name, subject.data.name, tuple(ids), len(samples), dimension, adversarial, torch.cat(noise).numpy())


def noise_norms(victim: Victim, images: Tensor, labels: Tensor, seeds: Sequence[int], lines: int) -> Tensor:
    """The noise norm of each image [b, ...], all of which the victim gets right: float64 [b], infinite where none is found.

    The directions of image i follow from seeds[i] alone.
    """
    group = max(1, ELEMENTS // (2 * lines * max(1, images[0].numel()))) if len(images) else 1
    parts = [slice(start, start + group) for start in range(0, len(images), group)]
    found = [_noise_norms(victim, images[part], labels[part], seeds[part], lines) for part in parts]
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)


def _noise_norms(victim: Victim, images: Tensor, labels: Tensor, seeds: Sequence[int], lines: int) -> Tensor:
    units = torch.stack([_directions(images[0].shape, lines, seed) for seed in seeds])
    pixels = images[0].numel() ** 0.5
    low, high = torch.zeros(len(images), dtype=torch.float64), torch.full((len(images),), math.inf, dtype=torch.float64)
    for octave in range(OCTAVES[0], OCTAVES[1] + 1):
        rows = high.isinf().nonzero().flatten()
        if not len(rows):
            break
        scale = torch.full((len(rows),), pixels * 2.0**octave, dtype=torch.float64)
        errs = _errs(victim, images[rows], labels[rows], units[rows], scale)
        high[rows[errs]], low[rows[~errs]] = scale[errs], scale[~errs]
    while True:
        wide = high.isfinite() & (high - low > PRECISION * high) & (high > TINIEST)
        rows = wide.nonzero().flatten()
        if not len(rows):
            return high
        middle = (low[rows] + high[rows]) / 2
        errs = _errs(victim, images[rows], labels[rows], units[rows], middle)
        high[rows], low[rows] = torch.where(errs, middle, high[rows]), torch.where(errs, low[rows], middle)


def _directions(shape: torch.Size, lines: int, seed: int) -> Tensor:
    """Unit vectors [lines, ...], uniform on the sphere."""
    drawn = torch.randn((lines, *shape), generator=torch.Generator().manual_seed(seed))
    lengths: Tensor = torch.linalg.vector_norm(drawn.flatten(1), dim=1)
    return drawn / lengths.view(-1, *[1] * len(shape))


def _errs(victim: Victim, images: Tensor, labels: Tensor, units: Tensor, scale: Tensor) -> Tensor:
    """Whether noise of this length makes the victim err on half of the lines or more, bool [b]."""
    lines = units.shape[1]
    step = scale.float().view(-1, 1, *[1] * (images.ndim - 1)) * units
    noisy = torch.cat([images[:, None] + step, images[:, None] - step], dim=1)
    with torch.no_grad():
        wrong = margins(victim(noisy.flatten(0, 1)), labels.repeat_interleave(2 * lines)) <= 0
    either = wrong.view(len(images), 2, lines).any(1)
    return 2 * either.sum(1) >= lines


def minimal_attack(text: str) -> Any:
    """The attack of a name, perhaps with options. Raises OptionError where it keeps to an eps."""
    name, options, _ = parse_named(text, "attack", "robust/deepfool:steps=100")
    spec, tag = zoo.registry().tagged_model(name)
    attack = named_model(spec, "attack", Choice(tag), options).load()
    if getattr(attack, "bounded", True):
        raise OptionError(
            f"{spec.name} keeps to an eps, so it finds no smallest norm",
            "name an attack of minimal norm, such as robust/deepfool",
        )
    return attack


def expected_ratio(dimension: int) -> float:
    """Noise norm over adversarial norm at a flat boundary: 1 / median |⟨u, w⟩| for u uniform on the sphere of ℝᵈ.

    ⟨u, w⟩² has the distribution Beta(1/2, (d - 1)/2). 1 for d = 1; 1.4826 √d for large d.
    """
    from scipy.special import betaincinv

    return 1.0 if dimension == 1 else float(betaincinv(0.5, (dimension - 1) / 2, 0.5)) ** -0.5


def median(norms: Array, fails: str, note: str = "") -> Score:
    """The median with its interval; infinite norms are larger than all others. `fails` says what an infinite one means."""
    ordered = np.sort(norms)
    n = len(ordered)
    low, high = ordered[(n - 1) // 2], ordered[n // 2]
    if not math.isfinite(high):
        return Score(None, n, interval=f"none: {fails} on half of the samples or more", note=note)
    return scored((low + high) / 2, n, order_statistics(ordered, f"{fails} on too many samples"), note)
