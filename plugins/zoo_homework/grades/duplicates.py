"""Submissions that resemble each other more than chance explains: what a person should look at, not a verdict.

Four kinds of pairs: the same file, the same predictions, the same labels where that is improbable, and improbably many of
the same mistakes.

The last two are tests. Students are taken to err independently of each other, given how good each is and how hard each item
is for this class: P(student s errs on item i) = sigmoid(a_s + b_i), the Rasch model, fitted so that every student's and every
item's number of mistakes is as observed. A shared mistake is the same wrong answer; given two errors on an item it happens as
often as wrong answers to it agree in the class.

Same labels: the chance that a pair answers every item alike is the product over the items of both erring in the same way or
neither erring. So two perfect files are never flagged.

Same mistakes: the number of shared mistakes of a pair is a sum of independent, unequal coin flips, and its upper tail is
computed by saddlepoint approximation. Pairs of honest classes resemble each other a little more than that where items are
hard for some kinds of models only: the spread of all pairs' scores is measured, and divides them where it exceeds what the
model says (genomic control). Where a whole class runs variants of a few models, a copy does not stand out by that; the first
test, which pairs that are merely similar never meet, does without.

Bonferroni over all pairs keeps the chance that an honest class has any flagged pair below LEVEL: half of it for each test.

Sources: Rasch 1960; Lugannani & Rice 1980, "Saddle point approximation for the distribution of the sum of independent
random variables"; Devlin & Roeder 1999, "Genomic control for association studies"; Frary, Tideman & Watts 1977, "Indices
of cheating on multiple-choice tests".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LEVEL = 0.005
"""Chance that an honest class has any pair flagged by a test; half of the 1 % that is promised, for what the model misses."""
WORTH_A_LOOK = 3.0
"""Standard deviations below which a pair's tail is not computed: it could not be flagged in any class."""
NEWTON_STEPS = 30
QUARTILE = 0.4549364
"""Median of chi-squared with one degree of freedom: that of squared scores where the model holds."""


@dataclass(frozen=True)
class Pair:
    """Two students by name, and what they share; None where not both are graded.

    `chance` is of an honest class having such a pair at all; None: no test.
    """

    first: str
    second: str
    kind: str
    shared: int | None
    expected: float | None
    chance: float | None


def find_duplicates(
    students: Sequence[str], files: Mapping[str, Iterable[str]], predictions: Sequence[Array], labels: Array, targets: Array
) -> list[Pair]:
    """Pairs of students to look at, by kind and name.

    `files` are the hashes of all that each student handed in, graded or not. The others are of the graded `students`:
    `predictions` arrays as graded, in the order of the test ids, so that the order of a file's rows says nothing; `labels`
    int64 [students, n] what counts as predicted. Identical scores are reported as they are, identical labels only where they
    are improbable, since two perfect students agree, too.
    """
    tested = compare_all(labels, targets)
    flagged: dict[tuple[int, int], tuple[str, float | None]] = {}
    for group in _groups([_content(one) for one in predictions]):
        if predictions[group[0]].ndim == 2:
            flagged.update(dict.fromkeys(combinations(group, 2), ("same predictions", None)))
    for kind, chance in (("same labels", tested.alike), ("same mistakes", tested.mistakes)):
        for i, j in np.argwhere(np.triu(chance <= LEVEL / 2, 1)).tolist():
            flagged.setdefault((i, j), (kind, float(chance[i, j])))
    rows = {student: row for row, student in enumerate(students)}
    pairs = {(first, second): _pair(first, second, "same file", None, tested, rows) for first, second in _same_files(files)}
    for (i, j), (kind, probability) in flagged.items():
        first, second = sorted((students[i], students[j]))
        pairs.setdefault((first, second), _pair(first, second, kind, probability, tested, rows))
    return sorted(pairs.values(), key=lambda pair: (pair.kind, pair.first, pair.second))


@dataclass(frozen=True)
class Tested:
    """Of every pair, float64 [s, s]: shared mistakes, how many the model expects, and the family-wise chances of the tests.

    `mistakes` is the chance of so many shared mistakes, `alike` that of the same labels; 1 where there is nothing to test.
    """

    shared: Array
    expected: Array
    mistakes: Array
    alike: Array


def compare_all(labels: Array, targets: Array) -> Tested:
    """Both tests of this module. `labels` int64 [s, n], `targets` int64 [n]."""
    wrong = labels != targets
    shared, none = _agreeing(labels, wrong), np.ones((len(wrong), len(wrong)))
    if len(wrong) < 3:
        return Tested(shared, np.zeros_like(shared), none, none)
    errs, agree = fit_rasch(wrong), _agreement(labels, wrong)
    expected = (errs * agree) @ errs.T
    return Tested(shared, expected, _mistakes(shared, expected, errs, agree), _alike(labels, errs, agree))


def _mistakes(shared: Array, expected: Array, errs: Array, agree: Array) -> Array:
    """The chance of so many shared mistakes as each pair has, times the number of pairs."""
    chance = np.ones_like(shared)
    variance = expected - (errs * agree) ** 2 @ (errs**2).T
    upper = np.triu_indices(len(errs), 1)
    scores = (shared - expected)[upper] / np.sqrt(np.maximum(variance[upper], 1e-12))
    informative = expected[upper] > 1
    spread = np.sqrt(max(1.0, float(np.median(scores[informative] ** 2)) / QUARTILE)) if informative.sum() > 100 else 1.0
    for position in np.flatnonzero(scores / spread > WORTH_A_LOOK):
        i, j = upper[0][position], upper[1][position]
        # Where pairs spread more than the model says, the excess over what is expected shrinks by as much.
        excess = expected[i, j] + (shared[i, j] - expected[i, j]) / spread
        chance[i, j] = chance[j, i] = min(1.0, tail_probability(errs[i] * errs[j] * agree, excess) * len(scores))
    return chance


def _alike(labels: Array, errs: Array, agree: Array) -> Array:
    """The chance that each pair with the same labels would have them, times the number of pairs."""
    chance, pairs = np.ones((len(labels), len(labels))), len(labels) * (len(labels) - 1) / 2
    for group in _groups([row.tobytes() for row in labels]):
        for i, j in combinations(group, 2):
            same = errs[i] * errs[j] * agree + (1 - errs[i]) * (1 - errs[j])
            chance[i, j] = chance[j, i] = min(1.0, float(np.exp(np.log(same).sum())) * pairs)
    return chance


def fit_rasch(wrong: Array) -> Array:
    """P(err) float64 [s, n] = sigmoid(a_s + b_i), whose row and column sums are those of `wrong`, bool [s, n].

    Found by Newton steps on a and b in turn (joint maximum likelihood). A student without mistakes, or with nothing else,
    has no finite a: half a mistake more or less stands for it. Items that nobody missed or everybody did have chance 0 or 1.
    """
    told = wrong.any(axis=0) & ~wrong.all(axis=0)
    chance = wrong.astype(np.float64)
    if told.any():
        chance[:, told] = _fit(wrong[:, told])
    return chance


def _fit(wrong: Array) -> Array:
    s, n = wrong.shape
    rows = np.clip(wrong.sum(axis=1), 0.5, n - 0.5)
    columns = wrong.sum(axis=0)
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
    """GradingOptions often two wrong answers to an item are the same, float64 [n], from the class's own wrong answers."""
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


def _same_files(files: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    """Pairs of different students that handed in one and the same file, whichever of their attempts it is."""
    of: dict[str, set[str]] = defaultdict(set)
    for student, hashes in files.items():
        for sha256 in hashes:
            of[sha256].add(student)
    return {pair for owners in of.values() for pair in combinations(sorted(owners), 2)}


def _pair(first: str, second: str, kind: str, chance: float | None, tested: Tested, rows: Mapping[str, int]) -> Pair:
    if first not in rows or second not in rows:
        return Pair(first, second, kind, None, None, chance)
    at = rows[first], rows[second]
    return Pair(first, second, kind, int(tested.shared[at]), round(float(tested.expected[at]), 2), chance)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
