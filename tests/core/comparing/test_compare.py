"""Comparing runs of models on real digits."""

import numpy as np
import pytest

import zoo
from zoo.errors import OptionError, RunError, UnknownNameError
from zoo.runs import stored_predictions


@pytest.fixture
def two():
    return zoo.evaluate("cnn/lenet5", "digits"), zoo.evaluate("intro/mlp", "digits")


def test_models_by_name_are_compared_sample_by_sample(two):
    (found,) = zoo.compare("cnn/lenet5", "mlp", on="digits").differences
    first, second = two
    assert found.difference == first.primary.value - second.primary.value
    assert found.ci_low < found.difference < found.ci_high
    right = {}
    for run in two:
        table = stored_predictions(run).to_pydict()
        hits = np.argmax(table["logits"], axis=1) == np.array(table["target"])
        right[run.run_id] = {name for name, hit in zip(table["id"], hits, strict=True) if hit}
    assert set(found.first_better) == right[first.run_id] - right[second.run_id]
    assert set(found.second_better) == right[second.run_id] - right[first.run_id]


def test_a_model_without_a_run_is_answered_with_the_command_that_makes_one(two):
    with pytest.raises(UnknownNameError, match="no run of intro/logistic on all of data/digits") as caught:
        zoo.compare("cnn/lenet5", "intro/logistic", on="digits")
    assert caught.value.hint == "zoo run intro/logistic --on digits"


def test_runs_on_other_samples_are_refused_with_what_differs(two):
    part = zoo.evaluate("intro/mlp", "digits", limit=100)
    with pytest.raises(RunError, match=r"differ in samples: all and 100 \(stratified by class\)"):
        zoo.compare(two[0], part)
    other = zoo.evaluate("intro/mlp", "digits", outputs="dataset")
    with pytest.raises(RunError, match=r"differ in protocol.outputs"):
        zoo.compare(two[0], other)


def test_one_run_is_no_comparison(two):
    with pytest.raises(OptionError, match="at least two"):
        zoo.compare(two[0])
    with pytest.raises(OptionError, match="named twice"):
        zoo.compare(two[0], two[0].run_id)


def test_a_metric_that_cannot_be_compared_is_refused_in_the_result(two):
    found = zoo.compare(*two, metrics=["accuracy", "ece", "confusion"]).differences
    assert [(one.metric, bool(one.refused), one.p is None) for one in found] == [
        ("accuracy", False, False),
        ("ece", True, True),
        ("confusion", True, True),
    ]
