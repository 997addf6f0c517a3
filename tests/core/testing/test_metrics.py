"""Metrics that break the rules of folding are caught."""

import sys
from types import ModuleType

import numpy as np
import pytest

import zoo
from zoo.metrics import Metric, Score
from zoo.specs import MetricSpec
from zoo.testing.metrics import check_metric


class Good(Metric):
    def update(self, rows):
        return {"sum": rows.columns["target"].sum(keepdims=True), "n": np.array([len(rows)])}

    def compute(self, state, classes):
        return Score(float(state["sum"][0] / state["n"][0]), int(state["n"][0]), interval="none: for a test")


class MeanOfParts(Good):
    """A mean of means, which parts of other sizes change."""

    def update(self, rows):
        return {"sum": rows.columns["target"].mean(keepdims=True), "n": np.array([1])}


class OutOfRange(Good):
    def compute(self, state, classes):
        return Score(7.0, 1, interval="none: for a test")


class Silent(Good):
    def compute(self, state, classes):
        return Score(1.0, 1)


class Outside(Good):
    def compute(self, state, classes):
        return Score(1.0, 1, 0.2, 0.4, "made up")


class Raising(Good):
    def compute(self, state, classes):
        raise KeyError("lost")


class Compared(Good):
    def per_sample(self, rows):
        return {"value": rows.columns["target"].astype(float)}

    def values(self, state):
        return state["value"]


class OtherMean(Compared):
    def values(self, state):
        return state["value"] + 0.1


class TooFew(Compared):
    def values(self, state):
        return state["value"][:-1]


class Resampled(Compared):
    def values(self, state):
        return None

    def resampled(self, state, weights, classes):
        return weights @ state["value"] / weights.sum(axis=1)


class OtherResampled(Resampled):
    def resampled(self, state, weights, classes):
        return weights @ state["value"]


@pytest.mark.parametrize(
    ("metric", "state", "says"),
    [
        (Good, "ok", ""),
        (MeanOfParts, "failed", "parts score"),
        (OutOfRange, "failed", "outside its range"),
        (Silent, "failed", "no interval and does not say why"),
        (Outside, "failed", "outside its interval"),
        (Raising, "failed", "raised KeyError"),
        (Compared, "ok", ""),
        (OtherMean, "failed", "its values have the mean"),
        (TooFew, "failed", "not one a sample"),
        (Resampled, "ok", ""),
        (OtherResampled, "failed", "when resampled"),
    ],
)
def test_each_rule_is_checked(monkeypatch, metric, state, says):
    module = ModuleType("metric_under_test")
    module.Made = metric
    monkeypatch.setitem(sys.modules, "metric_under_test", module)
    common = {"task": "classify", "target": "metric_under_test:Made", "direction": "higher", "reference": "none"}
    spec = MetricSpec(name="toy/made", summary="Made.", range=(0.0, 2.0), **common)
    (finding,) = check_metric(spec, zoo.registry())
    assert (finding.check, finding.state) == ("folds", state)
    assert says in finding.message
