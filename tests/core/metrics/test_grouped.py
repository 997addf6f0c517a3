"""Where samples stand or fall together, an interval reaches as far as their groups make it, and covers."""

from typing import Any

import numpy as np
import pytest

from zoo.metric_specs import zoo_metrics
from zoo.metrics.base import Score, State
from zoo.metrics.build import build_metric
from zoo.metrics.classify import Accuracy
from zoo.metrics.grouped import in_groups, influences
from zoo.tasks.base import Rows

SPECS = {spec.name: spec for spec in zoo_metrics()}
CLASSES = ("a", "b", "c")
UNIT = (0.0, 1.0)


def rows(right: Any, target: Any = None) -> Rows:
    """Samples of three classes, of which some are right."""
    right = np.asarray(right, dtype=bool)
    target = np.arange(len(right)) % 3 if target is None else np.asarray(target)
    logits = 5 * np.eye(3, dtype=np.float32)[np.where(right, target, (target + 1) % 3)]
    return Rows([str(i) for i in range(len(right))], {"logits": logits, "target": target}, CLASSES)


def scored(right: Any, groups: Any, text: str = "accuracy") -> tuple[Score, Score]:
    """A score as if samples were independent, and in groups."""
    metric, seen = build_metric(text, SPECS[text.partition(":")[0]]), rows(right)
    score = metric.compute(metric.update(seen), CLASSES)
    return score, in_groups(metric, score, metric.per_sample(seen), list(groups), CLASSES, UNIT)


def width(score: Score) -> float:
    assert score.ci_low is not None and score.ci_high is not None
    return score.ci_high - score.ci_low


def test_groups_of_one_change_nothing() -> None:
    right = np.random.default_rng(0).random(100) < 0.8
    alone, together = scored(right, range(100))
    assert together == alone


@pytest.mark.parametrize("text", ["accuracy", "f1:average=macro", "f1:positive=a"])
def test_copies_of_a_sample_are_worth_one(text: str) -> None:
    """Each of 120 samples four times over: the interval is about that of 120."""
    right = np.random.default_rng(1).random(120) < 0.8
    metric = build_metric(text, SPECS[text.partition(":")[0]])
    once = metric.compute(metric.update(rows(right)), CLASSES)
    four = rows(np.tile(right, 4), np.tile(np.arange(120) % 3, 4))
    score = metric.compute(metric.update(four), CLASSES)
    found = in_groups(metric, score, metric.per_sample(four), list(range(120)) * 4, CLASSES, UNIT)
    assert found.value == pytest.approx(once.value)
    assert width(score) < 0.6 * width(once)
    assert width(found) == pytest.approx(width(once), rel=0.1)
    assert "for 120 groups of samples" in found.interval


def test_groups_that_differ_less_than_chance_make_no_interval_narrower() -> None:
    alone, together = scored([True, True, True, False] * 50, np.arange(200) // 4)
    assert width(alone) < width(together) < 1.05 * width(alone)  # Student's t of 50 groups


def test_where_all_are_right_each_group_counts_as_one_sample() -> None:
    alone, together = scored(np.ones(400), np.arange(400) // 10)
    assert together.ci_high == 1 and together.ci_low is not None and alone.ci_low is not None
    assert 1 - together.ci_low == pytest.approx((1 - alone.ci_low) * 10**0.5, rel=0.05)


def test_few_groups_have_no_interval() -> None:
    _, together = scored(np.arange(190) % 5 > 0, np.arange(190) // 10)
    assert together.ci_low is None and together.ci_high is None
    assert together.interval.startswith("none: 19 groups of samples")


def test_a_metric_that_cannot_tell_says_what_it_leaves_out() -> None:
    alone, together = scored(np.arange(200) % 5 > 0, np.arange(200) // 5, "ece:bins=10")
    assert (together.ci_low, together.ci_high) == (alone.ci_low, alone.ci_high)
    assert together.interval == f"{alone.interval}, as if samples did not stand or fall together in 40 groups"


@pytest.mark.parametrize("text", ["accuracy", "nll", "f1:average=macro", "recall:positive=b"])
def test_an_influence_is_what_the_score_loses_without_a_sample(text: str) -> None:
    right = np.random.default_rng(2).random(60) < 0.7
    metric, seen = build_metric(text, SPECS[text.partition(":")[0]]), rows(right)
    value = metric.compute(metric.update(seen), CLASSES).value
    state = metric.per_sample(seen)
    assert value is not None and state is not None
    found = influences(metric, state, CLASSES, value, 60)
    assert found is not None
    for left_out in (0, 17, 59):
        kept = np.delete(np.arange(60), left_out)
        without = metric.compute(metric.update(rows(right[kept], kept % 3)), CLASSES).value
        assert without is not None and found[left_out] == pytest.approx(value - without, abs=1e-9)


def coverage(groups: int, datasets: int) -> tuple[float, float]:
    """The share of intervals of accuracy .80 that hold it: of Wilson's, and of those in groups of ten that are alike."""
    inside = np.zeros((datasets, 2))
    metric = Accuracy()
    for i in range(datasets):
        rng = np.random.default_rng([3, groups, i])
        shares = rng.beta(1.6, 0.4, groups)  # correlation within a group: 1 / (1 + 1.6 + 0.4)
        right = rng.random((groups, 10)) < shares[:, None]
        state: State = {"hits": np.array([right.sum()]), "n": np.array([right.size]), "tied": np.zeros(1)}
        score = metric.compute(state, CLASSES)
        flags = {"value": right.ravel().astype(np.float64)}
        found = in_groups(metric, score, flags, list(np.arange(groups * 10) // 10), CLASSES, UNIT)
        for place, one in enumerate((score, found)):
            assert one.ci_low is not None and one.ci_high is not None
            inside[i, place] = one.ci_low <= 0.8 <= one.ci_high
    return float(inside[:, 0].mean()), float(inside[:, 1].mean())


@pytest.mark.parametrize(("groups", "least"), [(20, 0.90), (100, 0.92)])
def test_intervals_of_groups_cover(groups: int, least: float) -> None:
    samples, grouped = coverage(groups, 400)
    assert samples < 0.85
    assert grouped >= least


if __name__ == "__main__":
    for count in (20, 30, 100, 500):
        print(count, coverage(count, 2000))
