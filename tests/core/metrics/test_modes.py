"""Metrics of the classes among drawn images: a collapse shows, shards change nothing, intervals hold."""

from collections import Counter

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.metrics.modes import ClassConsistency, ClassShares, ModeCoverage
from zoo.tasks.base import Rows

CLASSES = ("cat", "dog", "owl")


def rows(judged, real, asked=None):
    asked = [-1] * len(judged) if asked is None else asked
    columns = {"judged": np.array(judged), "judged_real": np.array(real), "asked": np.array(asked)}
    return Rows([f"s{i}" for i in range(len(judged))], columns, CLASSES)


def score(metric, *parts):
    return metric.compute(metric.merge_all([metric.update(part) for part in parts]), CLASSES)


def test_a_collapsed_generator_covers_nothing():
    found = score(ModeCoverage(), rows([0] * 300, [0, 1, 2] * 100))
    assert found.value == 0 and found.ci_low == 0 and found.ci_high < 0.1
    assert "2 of 3 classes are never drawn" in found.note


def test_the_shares_of_the_real_images_are_full_coverage():
    found = score(ModeCoverage(), rows([0, 1, 2, 2] * 50, [2, 1, 0, 2] * 50))
    assert (found.value, found.ci_high) == (1, 1) and 0.3 < found.ci_low < 1


def test_the_least_drawn_class_counts_as_a_share_of_its_real_ones():
    found = score(ModeCoverage(), rows([0] * 60 + [1] * 30 + [2] * 10, [0] * 50 + [1] * 25 + [2] * 25))
    assert found.value == pytest.approx(0.10 / 0.25)


def test_a_class_that_no_real_image_has_is_not_missed():
    assert score(ModeCoverage(), rows([0, 1] * 20, [0, 1] * 20)).value == 1


def test_what_belongs_to_no_class_counts_as_drawn():
    """The judge's other classes are one more than the last."""
    found = score(ModeCoverage(), rows([0, 1, 2, 3] * 10, [0, 1, 2, 0] * 10))
    assert found.value == pytest.approx(0.25 / 0.5) and found.n == 40


def test_shards_change_nothing():
    rng = np.random.default_rng(0)
    judged, real = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    whole, parts = rows(judged, real), [rows(judged[a : a + 30], real[a : a + 30]) for a in range(0, 200, 30)]
    for metric in (ModeCoverage(), ClassShares()):
        assert score(metric, whole) == score(metric, *parts)


def test_shares_are_those_of_a_count():
    judged, real = [0, 0, 1, 2, 2, 2, 3, 0], [0, 1, 1, 2, 0, 2, 1, 1]
    detail = score(ClassShares(), rows(judged, real)).detail
    drawn, met = Counter(judged), Counter(real)
    assert detail["class-shares"] == [drawn[c] / 8 for c in range(3)] and detail["real"] == [met[c] / 8 for c in range(3)]
    bounds = zip(detail["ci_low"], detail["class-shares"], detail["ci_high"], strict=True)
    assert all(low <= share <= high for low, share, high in bounds)


@pytest.mark.parametrize(("n", "promised"), [(20, 0.85), (100, 0.90), (1000, 0.92)])
@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.6, 0.39, 0.01), (1 / 3, 1 / 3, 1 / 3)])
def test_the_interval_holds(n, promised, shares):
    rng, real = np.random.default_rng(n), [0] * 50 + [1] * 30 + [2] * 20
    truth = min(share / part for share, part in zip(shares, (0.5, 0.3, 0.2), strict=True))
    hits = 0
    for _ in range(400):
        counts = rng.multinomial(n, shares)
        state = {"judged": np.array([*counts, 0]), "judged_real": np.bincount(real, minlength=4)}
        found = ModeCoverage().compute(state, CLASSES)
        hits += found.ci_low - 1e-12 <= truth <= found.ci_high + 1e-12
    assert hits / 400 >= promised


def test_consistency_is_the_share_of_asked_classes_that_are_seen():
    found = score(ClassConsistency(), rows([0, 1, 1, 2], [0, 1, 2, 2], [0, 1, 2, 2]))
    assert (found.value, found.n) == (0.75, 4) and "4 of 4" in found.note


@pytest.mark.parametrize("columns", [{}, {"judged": [0], "judged_real": [0], "asked": [-1]}])
def test_nothing_asked_or_judged_is_no_consistency(columns):
    with pytest.raises(DataError, match=r"judged|asked"):
        ClassConsistency().update(Rows(["s"], {name: np.array(value) for name, value in columns.items()}, CLASSES))
