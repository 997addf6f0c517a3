"""What tests of metrics share: rows made of arrays, and a metric's score of them as a run would fold it."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.metric_specs import zoo_metrics
from zoo.metrics import Metric, Score, bare_metric, build_metric
from zoo.tasks.base import Rows

sys.path.insert(0, str(Path(__file__).parent))  # for coverage_designs
SPECS = {spec.name: spec for spec in zoo_metrics()}


def make_rows(logits: Any, target: Any, classes: Sequence[str] | None = None) -> Rows:
    logits, target = np.asarray(logits, dtype=np.float32), np.asarray(target, dtype=np.int64)
    names = tuple(classes or (f"class {i}" for i in range(logits.shape[1])))
    return Rows([f"s{i:06}" for i in range(len(target))], {"logits": logits, "target": target}, names)


@pytest.fixture
def metric() -> Callable[[str], Metric]:
    """The metric of a text."""
    return lambda text: build_metric(text, SPECS[bare_metric(text)])


@pytest.fixture
def rows() -> Callable[..., Rows]:
    """Rows of logits and targets."""
    return make_rows


@pytest.fixture
def score(metric: Callable[[str], Metric]) -> Callable[..., Score]:
    """Score of a metric's text on logits and targets, cut into shards at the given positions."""

    def scored(text: str, logits: Any, target: Any, classes: Sequence[str] | None = None, cuts: Sequence[int] = ()) -> Score:
        whole = make_rows(logits, target, classes)
        edges = [0, *sorted(cuts), len(whole)]
        built = metric(text)
        states = [built.update(_part(whole, slice(low, high))) for low, high in pairwise(edges)]
        return built.compute(built.merge_all(states), whole.classes)

    return scored


def _part(rows: Rows, part: slice) -> Rows:
    return Rows(rows.ids[part], {name: column[part] for name, column in rows.columns.items()}, rows.classes)
