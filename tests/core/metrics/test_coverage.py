"""Do intervals that say 95 % cover? Simulated datasets whose true score is known, scored by the metrics themselves.

The slow proof holds every design to the rule of `docs/intervals.md`; the default tests hold some of them, on fewer datasets.
`python tests/core/metrics/test_coverage.py [DATASETS [NAME...]]` prints the table of that page.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from coverage_designs import DESIGNS, Array, Design, of_predictions

DATASETS = 400
LEAST = {20: 0.85, 100: 0.90, 1000: 0.92}
"""Share of intervals that must contain the true score, by sample size; between two sizes, that of the smaller one."""


@dataclass(frozen=True)
class Coverage:
    """Of `datasets` simulated ones: the share with an interval, and the share of these that contain the truth."""

    printed: float
    covered: float
    datasets: int


def coverage(design: Design, n: int, datasets: int = DATASETS, seed: int = 0) -> Coverage:
    truth = design.truth(n)
    inside = []
    for i in range(datasets):
        found = design.score(design.draw(np.random.default_rng([seed, n, i]), n))
        if found.ci_low is not None:
            assert found.ci_high is not None
            inside.append(found.ci_low <= truth <= found.ci_high)
    return Coverage(len(inside) / datasets, float(np.mean(inside)) if inside else 1.0, datasets)


DEAR = ("coco-ap", "coco-ar", "recall-at-k", "map-at-r", "knn-accuracy", "sample-precision", "sample-recall")
"""Metrics whose score takes seconds: of these CI draws 100 datasets, and the page's table is made by hand."""
QUICK = (
    "nll, accuracy .80",
    "F1 macro, imbalanced",
    "ECE, calibrated",
    "IoU of a rare class",
    "bits per character, alike .8",
)


def least(n: int) -> float:
    """The share that the rule asks for at a sample size."""
    return LEAST[max(size for size in LEAST if size <= n)]


def kept(found: Coverage, n: int) -> bool:
    """Whether the rule is kept, but for errors of the simulation: one standard error, or four in the small ones.

    Where fewer than one dataset in twenty has an interval, at most one in a hundred may mislead.
    """
    if found.printed < 0.05:
        return found.printed * (1 - found.covered) <= 0.01
    error = (least(n) * (1 - least(n)) / (found.printed * found.datasets)) ** 0.5
    return found.covered >= least(n) - (4 if found.datasets < DATASETS else 1) * error


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("name", QUICK)
def test_intervals_cover_the_truth_or_are_not_printed(name: str, n: int) -> None:
    assert kept(coverage(DESIGNS[name], n, 60), n)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_keep_the_rule(name: str) -> None:
    datasets = 100 if DESIGNS[name].metric.partition(":")[0] in DEAR else DATASETS
    for n in DESIGNS[name].sizes:
        found = coverage(DESIGNS[name], n, datasets)
        assert kept(found, n), (n, found)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "benchmark"), [("cnn/lenet5", "mnist"), ("sequence/lstm", "sms-spam")])
def test_losses_of_real_models_keep_it_too(model: str, benchmark: str, real_data: Path) -> None:
    design = of_predictions(losses(model, benchmark))
    for n in design.sizes:
        found = coverage(design, n)
        assert kept(found, n), (n, found)


def losses(model: str, benchmark: str) -> Array:
    """The losses of a real model, in nats, on a whole test set: the population that samples are drawn from."""
    import pyarrow.parquet as pq

    import zoo
    from zoo.home import zoo_home

    record = zoo.evaluate(model, benchmark, metrics=["nll"])
    tables = [pq.read_table(path) for path in sorted((zoo_home() / "runs" / record.key / "shards").glob("*.parquet"))]
    logits = np.array([row for table in tables for row in table["logits"].to_pylist()], dtype=float)
    target = np.concatenate([table["target"].to_numpy() for table in tables])
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(target)), target])


def table(designs: dict[str, Design], datasets: int) -> None:
    """Print the share of intervals that cover, and how many of a hundred datasets have one, row by row."""
    for name, design in designs.items():
        cells = [(n, coverage(design, n, datasets)) for n in design.sizes]
        shown = [f"n = {n:,}: {f'{100 * c.covered:.0f} %' if c.printed else '-'} of {100 * c.printed:.0f}" for n, c in cells]
        print(f"{name:36} {'   '.join(shown)}", flush=True)


if __name__ == "__main__":
    wanted = {name: design for name, design in DESIGNS.items() if not sys.argv[2:] or any(part in name for part in sys.argv[2:])}
    if os.environ.get("ZOO_DATA_DIR") and not sys.argv[2:]:
        wanted["nll, LeNet-5 on MNIST"] = of_predictions(losses("cnn/lenet5", "mnist"))
        wanted["nll, LSTM on SMS spam"] = of_predictions(losses("sequence/lstm", "sms-spam"))
    table(wanted, int(sys.argv[1]) if sys.argv[1:] else DATASETS)
