"""Submissions that resemble each other more than chance explains: what a person should look at, not a verdict.

Three kinds of pairs: the same file, the same predictions, and improbably many of the same mistakes.

The last is a test. Students are taken to err independently of each other, given how good each is and how hard each item
is for this class: P(student s errs on item i) = sigmoid(a_s + b_i), the Rasch model, fitted so that every student's and every
item's number of mistakes is as observed. A shared mistake is the same wrong answer; given two errors on an item it
happens as often as wrong answers to it agree in the class. The number of shared mistakes of a pair is then a sum of
independent, unequal coin flips, and its upper tail is computed by saddlepoint approximation. Pairs of honest
classes resemble each other a little more than that where items are hard for some kinds of models only: the spread of all
pairs' scores is measured, and divides them where it exceeds what the model says (genomic control). Bonferroni over all pairs
keeps the chance that an honest class has any flagged pair below LEVEL.

Sources: Rasch 1960; Lugannani & Rice 1980, "Saddle point approximation for the distribution of the sum of independent
random variables"; Devlin & Roeder 1999, "Genomic control for association studies"; Frary, Tideman & Watts 1977, "Indices
of cheating on multiple-choice tests".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LEVEL = 0.005
"""Chance that an honest class has any pair flagged; half of the 1 % that is promised, for what the model misses."""
WORTH_A_LOOK = 3.0
"""Standard deviations below which a pair's tail is not computed: it could not be flagged in any class."""
NEWTON_STEPS = 30
QUARTILE = 0.4549364
"""Median of chi-squared with one degree of freedom: that of squared scores where the model holds."""


@dataclass(frozen=True)
class Pair:
    """Two students by name, and what they share. `chance` is of an honest class having such a pair at all; None: no test."""

    first: str
    second: str
    kind: str
    shared: int
    expected: float
    chance: float | None


def find_duplicates(
    students: Sequence[str], hashes: Sequence[str], predictions: Sequence[Array], labels: Array, targets: Array
) -> list[Pair]:
    """Pairs of submissions to look at, by name of the kind and student.

    `predictions` are arrays as graded, in the order of the test ids, so that the order of a file's rows says nothing;
    `labels` int64 [students, n] what counts as predicted. Identical scores are reported as they are; identical labels only
    where they share improbably many mistakes, since two perfect students agree, too.
    """
    pairs: dict[tuple[int, int], Pair] = {}
    tested = shared_mistakes(labels, targets)
    same = [("same file", _groups(hashes)), ("same predictions", _groups([_content(p) for p in predictions]))]
    for kind, groups in same:
        for group in groups:
            for pair in combinations(group, 2):
                if kind == "same file" or predictions[pair[0]].ndim == 2:
                    pairs.setdefault(pair, _pair(students, pair, kind, tested, None))
    for pair in zip(*np.nonzero(np.triu(tested.chance <= LEVEL, 1)), strict=True):
        i, j = int(pair[0]), int(pair[1])
        kind = "same predictions" if bool((labels[i] == labels[j]).all()) else "same mistakes"
        pairs.setdefault((i, j), _pair(students, (i, j), kind, tested, float(tested.chance[i, j])))
    return sorted(pairs.values(), key=lambda pair: (pair.kind, pair.first, pair.second))


@dataclass(frozen=True)
class SharedMistakes:
    """Of every pair, float64 [s, s]: shared mistakes, how many the model expects, and the family-wise chance of so many."""

    shared: Array
    expected: Array
    chance: Array


def shared_mistakes(labels: Array, targets: Array) -> SharedMistakes:
    """The test of this module. `labels` int64 [s, n], `targets` int64 [n]."""
    wrong = labels != targets
    students = len(wrong)
    items = wrong.any(axis=0)
    wrong, labels = wrong[:, items], labels[:, items]
    shared = _agreeing(labels, wrong)
    chance = np.ones((students, students))
    if students < 3 or not items.any():
        return SharedMistakes(shared, np.zeros_like(shared), chance)
    errs = fit_rasch(wrong)
    agree = _agreement(labels, wrong)
    expected = (errs * agree) @ errs.T
    variance = expected - (errs * agree) ** 2 @ (errs**2).T
    upper = np.triu_indices(students, 1)
    scores = (shared - expected)[upper] / np.sqrt(np.maximum(variance[upper], 1e-12))
    informative = expected[upper] > 1
    spread = np.sqrt(max(1.0, float(np.median(scores[informative] ** 2)) / QUARTILE)) if informative.sum() > 100 else 1.0
    pairs = len(scores)
    for position in np.flatnonzero(scores / spread > WORTH_A_LOOK):
        i, j = upper[0][position], upper[1][position]
        # Where pairs spread more than the model says, the excess over what is expected shrinks by as much.
        excess = expected[i, j] + (shared[i, j] - expected[i, j]) / spread
        tail = tail_probability(errs[i] * errs[j] * agree, excess)
        chance[i, j] = chance[j, i] = min(1.0, tail * pairs)
    return SharedMistakes(shared, expected, chance)


def fit_rasch(wrong: Array) -> Array:
    """P(err) float64 [s, n] = sigmoid(a_s + b_i), whose row and column sums are those of `wrong`, bool [s, n].

    Found by Newton steps on a and b in turn (joint maximum likelihood). A student without mistakes, or with nothing else,
    has no finite a: half a mistake more or less stands for it.
    """
    s, n = wrong.shape
    rows = np.clip(wrong.sum(axis=1), 0.5, n - 0.5)
    columns = np.clip(wrong.sum(axis=0), 0.5, s - 0.5)
    ability, hardness = np.log(rows / (n - rows)), np.log(columns / (s - columns))
    hardness -= np.log(rows.sum() / (s * n - rows.sum()))
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(ability[:, None] + hardness)
        ability += np.clip((rows - p.sum(axis=1)) / (p * (1 - p)).sum(axis=1), -1, 1)
        p = _sigmoid(ability[:, None] + hardness)
        hardness += np.clip((columns - p.sum(axis=0)) / (p * (1 - p)).sum(axis=0), -1, 1)
    return _sigmoid(ability[:, None] + hardness)


def tail_probability(p: Array, at_least: float) -> float:
    """P(X >= at_least) for X the sum of independent coin flips with chances `p`, float64 [n], by saddlepoint approximation.

    Lugannani & Rice 1980 with the continuity correction for a lattice (Daniels 1987, eq. 6.4). At or below the mean it is 1.
    """
    p = p[p > 0]
    mean = float(p.sum())
    if at_least <= mean + 0.5:
        return 1.0
    if at_least > len(p):
        return 0.0
    x = at_least - 0.5
    t = np.log(x / mean)
    for _ in range(100):
        tilted = p * np.exp(t) / (1 - p + p * np.exp(t))
        step = (x - tilted.sum()) / (tilted * (1 - tilted)).sum()
        t += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            break
    tilted = p * np.exp(t) / (1 - p + p * np.exp(t))
    cumulant = float(np.log1p(p * np.expm1(t)).sum())
    w = np.sqrt(2 * (t * x - cumulant))
    u = 2 * np.sinh(t / 2) * np.sqrt((tilted * (1 - tilted)).sum())
    from scipy.stats import norm

    return float(np.clip(norm.sf(w) + norm.pdf(w) * (1 / u - 1 / w), 0, 1))


def _agreeing(labels: Array, wrong: Array) -> Array:
    """Shared mistakes float64 [s, s]: the same wrong answer to the same item."""
    shared = np.zeros((len(labels), len(labels)))
    for label in range(int(labels.max(initial=0)) + 1):
        said = (wrong & (labels == label)).astype(np.float64)
        shared += said @ said.T
    return shared


def _agreement(labels: Array, wrong: Array) -> Array:
    """How often two wrong answers to an item are the same, float64 [n], from the class's own wrong answers."""
    total = wrong.sum(axis=0)
    same = np.zeros(labels.shape[1])
    for label in range(int(labels.max(initial=0)) + 1):
        same += ((wrong & (labels == label)).sum(axis=0) / np.maximum(total, 1)) ** 2
    return same


def _groups(keys: Sequence[Any]) -> list[list[int]]:
    members: dict[Any, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        members[key].append(position)
    return [group for group in members.values() if len(group) > 1]


def _content(predictions: Array) -> bytes:
    return str(predictions.dtype).encode() + predictions.tobytes()


def _pair(students: Sequence[str], pair: tuple[int, int], kind: str, tested: SharedMistakes, chance: float | None) -> Pair:
    i, j = pair
    first, second = sorted((students[i], students[j]))
    return Pair(first, second, kind, int(tested.shared[i, j]), round(float(tested.expected[i, j]), 2), chance)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
