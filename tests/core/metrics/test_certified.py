"""Metrics of certificates, against counts by hand."""

import math

import numpy as np
import pytest

import zoo
from zoo.errors import OptionError
from zoo.metrics import build_metric
from zoo.tasks.base import Rows


def rows(predicted, target, radius, limit=math.inf, eps=0.1):
    n = len(target)
    columns = {
        "predicted": np.array(predicted),
        "target": np.array(target),
        "radius": np.array(radius, dtype=np.float64),
        "limit": np.full(n, limit),
        "eps": np.full(n, eps),
        "clean": np.zeros((n, 2), dtype=np.float32),
    }
    return Rows([f"s{i}" for i in range(n)], columns, ("a", "b"))


SOME = rows([0, 0, 1, -1, 1], [0, 0, 0, 1, 1], [0.1, 0.05, 0.3, 0.0, 0.0])
"""Certified at eps; below it; wrong, however far; abstained; right without a radius."""


def score(text, *parts):
    metric = build_metric(text, zoo.registry().metric(text))
    return metric.compute(metric.merge_all([metric.update(part) for part in parts]), ("a", "b"))


@pytest.mark.parametrize(("text", "hits"), [("", 1), (":at=0.05", 2), (":at=0", 3), (":at=1/20", 2), (":at=0.3", 0)])
def test_only_what_is_right_is_certified_and_at_no_radius_above_its_own(text, hits):
    found = score(f"certified-accuracy{text}", SOME)
    assert found.value == hits / 5 and found.n == 5 and found.interval == "Wilson"


def test_the_curve_is_certified_accuracy_at_each_radius():
    found = score("certified-curve:radii=0+0.05+0.1+0.3", SOME)
    assert found.value is None and found.detail["certified-accuracy"] == [3 / 5, 2 / 5, 1 / 5, 0.0]
    single = score("certified-accuracy:at=0.05", SOME)
    assert (found.detail["ci_low"][1], found.detail["ci_high"][1]) == (single.ci_low, single.ci_high)


def test_nobody_knows_what_is_certified_beyond_the_radii_that_were_looked_at():
    verdicts = rows([0, 0], [0, 0], [0.1, 0.0], limit=0.1)
    assert score("certified-accuracy:at=0.1", verdicts).value == 0.5
    found = score("certified-accuracy:at=0.2", verdicts)
    assert found.value is None and "smaller radii alone, on 2 of 2" in found.interval
    curve = score("certified-curve:radii=0.1+0.2", verdicts)
    assert curve.detail["certified-accuracy"] == [0.5, None] and "smaller radii" in curve.note


def test_the_mean_radius_counts_what_is_wrong_as_0():
    found = score("mean-radius", SOME)
    assert found.value == pytest.approx((0.1 + 0.05) / 5) and not found.note
    assert found.ci_low < found.value < found.ci_high or found.ci_low is None


def test_the_mean_radius_says_where_radii_are_cut_off_or_infinite():
    assert "1 of 2 radii reach the largest" in score("mean-radius", rows([0, 0], [0, 0], [0.1, 0.0], limit=0.1)).note
    endless = score("mean-radius", rows([0, 0], [0, 0], [math.inf, 0.1]))
    assert endless.value is None and "1 of 2 samples is infinite" in endless.interval
    assert score("mean-radius", rows([1, 0], [0, 0], [math.inf, 0.1])).value == 0.05  # it is wrong, and counts 0


def test_the_interval_of_the_mean_radius_covers_it():
    rng = np.random.default_rng(0)
    for share, largest in ((0.9, 0.1), (0.5, 2.0)):
        hit = 0
        for _ in range(300):
            radius = np.where(rng.random(100) < share, largest * rng.beta(2, 2, 100), 0.0)
            found = score_of(radius)
            hit += found.ci_low <= share * largest / 2 <= found.ci_high
        assert hit / 300 >= 0.90


def score_of(radius):
    from zoo.metrics.certified import MeanRadius

    metric = MeanRadius()
    return metric.compute(metric.update(rows([0] * len(radius), [0] * len(radius), radius)), ("a", "b"))


def test_abstentions_are_counted():
    assert score("abstention-rate", SOME).value == 1 / 5


def test_scores_do_not_depend_on_how_samples_are_cut_into_shards():
    def part(start, stop):
        return Rows(SOME.ids[start:stop], {name: column[start:stop] for name, column in SOME.columns.items()}, ("a", "b"))

    for text in ("certified-accuracy", "certified-curve:radii=0+0.1", "mean-radius", "abstention-rate"):
        assert score(text, part(0, 2), part(2, 5)) == score(text, SOME)


def test_no_samples_are_no_score():
    for text in ("certified-accuracy", "certified-curve:radii=0+0.1", "mean-radius", "abstention-rate"):
        found = score(text, rows([], [], []))
        assert found.value is None and found.n == 0


@pytest.mark.parametrize("radii", ["0.5+0.25", "-1+0", "nan", "inf", "a+b", "0+0", ""])
def test_radii_that_cannot_be_are_user_errors(radii):
    with pytest.raises(OptionError):
        build_metric(f"certified-curve:radii={radii}", zoo.registry().metric("certified-curve"))
