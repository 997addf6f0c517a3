"""How often two models that are equally good are called different: pairs of runs drawn under the null hypothesis.

`python tests/core/comparing/null_simulation.py [PAIRS]` prints the table of `docs/comparing.md`.
"""

import sys
from collections.abc import Callable

import numpy as np

from zoo.comparing.statistics import mcnemar, mean_statistic, permuted
from zoo.metrics.classify import F1
from zoo.metrics.segment import MeanIou

ALPHA = 0.05
SIZES = (20, 200, 2000)
RESAMPLES = {20: 2000, 200: 1000, 2000: 200}
"""Of the larger ones fewer, which makes the bound wider."""


def accuracy(rng: np.random.Generator, n: int, resamples: int) -> float:
    """Two classifiers right on 90 % of all data, whose mistakes are alike by half."""
    shared = rng.random(n) < 0.5
    common, one, two = (rng.random(n) < 0.9 for _ in range(3))
    first, second = np.where(shared, common, one), np.where(shared, common, two)
    return mcnemar(int((first & ~second).sum()), int((second & ~first).sum()))


def nll(rng: np.random.Generator, n: int, resamples: int) -> float:
    """Losses with a long tail, of which half is the sample's own."""
    own = rng.lognormal(0, 1.5, n)
    first, second = own + rng.lognormal(0, 1.5, n), own + rng.lognormal(0, 1.5, n)
    return permuted(mean_statistic(first, second), np.arange(n), resamples, int(rng.integers(2**31))).bound


def f1(rng: np.random.Generator, n: int, resamples: int) -> float:
    """F1 of a class of 15 % that both find by 80 %."""
    target = (rng.random(n) < 0.15).astype(np.int64)
    said = [np.where(rng.random(n) < 0.8 + 0.15 * (target == 0), target, 1 - target) for _ in range(2)]
    metric, state = F1(positive="b"), {"target": np.tile(target, 2), "predicted": np.concatenate(said)}

    def pooled(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return metric.resampled(state, np.concatenate([first, second], axis=1), ("a", "b"))

    return permuted(pooled, np.arange(n), resamples, int(rng.integers(2**31))).bound


def miou(rng: np.random.Generator, n: int, resamples: int) -> float:
    """mIoU of four classes over images, some of which are hard for both."""
    true = rng.integers(0, 200, (n, 4))
    hard = rng.beta(6, 2, n)[:, None]
    states = []
    for _ in range(2):
        hits = rng.binomial(true, np.clip(hard + rng.normal(0, 0.1, (n, 4)), 0, 1))
        states.append({"hits": hits, "true": true, "predicted": hits + rng.binomial(true, 0.2)})
    metric = MeanIou()
    state = metric.merge_all(states)

    def pooled(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return metric.resampled(state, np.concatenate([first, second], axis=1), tuple("abcd"))

    return permuted(pooled, np.arange(n), resamples, int(rng.integers(2**31))).bound


def groups(rng: np.random.Generator, n: int, resamples: int) -> float:
    """Values of which those of ten samples stand and fall together."""
    unit = np.arange(n) // 10
    first, second = (rng.normal(0, 1, unit.max() + 1)[unit] + rng.normal(0, 0.3, n) for _ in range(2))
    return permuted(mean_statistic(first, second), unit, resamples, int(rng.integers(2**31))).bound


DESIGNS: dict[str, Callable[[np.random.Generator, int, int], float]] = {
    "accuracy, McNemar": accuracy,
    "nll, permutation": nll,
    "F1, permutation": f1,
    "mIoU, permutation": miou,
    "groups of ten, permutation": groups,
}


def called_different(design: str, n: int, pairs: int, resamples: int, seed: int = 0) -> float:
    """The share of pairs that are called different: whose p-value is below 0.05, whatever the resamples leave open."""
    rng = np.random.default_rng((seed, n))
    return sum(DESIGNS[design](rng, n, resamples) < ALPHA for _ in range(pairs)) / pairs


if __name__ == "__main__":
    pairs = int((*sys.argv[1:], "2000")[0])
    for design in DESIGNS:
        for n in SIZES:
            print(f"{design:28} n={n:<5} {100 * called_different(design, n, pairs, RESAMPLES[n]):.2f} %", flush=True)
