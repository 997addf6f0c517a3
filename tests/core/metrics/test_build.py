"""From text to a metric with validated options."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from zoo.errors import OptionError, PluginError
from zoo.metric_specs import zoo_metrics
from zoo.metrics import Metric, build_metric
from zoo.specs import MetricSpec

Build = Callable[[str], Metric]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("accuracy", {"k": 1}),
        ("accuracy:k=5", {"k": 5}),
        ("f1:positive=spam", {"positive": "spam", "average": None}),
        ("precision:positive=1", {"positive": "1", "average": None}),
        ("recall:average=macro", {"positive": None, "average": "macro"}),
        ("ece:bins=10,norm=max", {"bins": 10, "norm": "max"}),
        ("nll", {}),
        ("confusion", {}),
    ],
)
def test_options_get_the_types_of_the_fields(metric: Build, text: str, options: dict[str, object]) -> None:
    assert metric(text).model_dump() == options


@pytest.mark.parametrize(
    ("text", "wrong", "hint"),
    [
        ("accuracy:k=0", "k: .*greater than or equal to 1, not '0'", "k=INTEGER, at least 1 (default 1): How many"),
        ("accuracy:k=five", "k: .*integer.*, not 'five'", "k=INTEGER"),
        ("accuracy:top=5", "no option 'top'", "k=INTEGER"),
        ("f1", "give either average or positive", "average=macro|micro|weighted: "),
        ("f1:average=macro,positive=spam", "give either average or positive", "positive=TEXT: "),
        ("f1:average=mean", "average: .*'macro', 'micro' or 'weighted', not 'mean'", "average=macro|micro|weighted"),
        ("ece:norm=l3", "norm: .*'l1', 'l2' or 'max', not 'l3'", "norm=l1|l2|max (default l1)"),
        ("ece:bins=2.5,norm=l3", "bins: .*; norm: .*", "bins=INTEGER, at least 1, at most 10000 (default 15)"),
        ("nll:base=2", "no option 'base'", "nll takes no options"),
    ],
)
def test_wrong_option_says_what_is_wrong_and_lists_the_options(metric: Build, text: str, wrong: str, hint: str) -> None:
    with pytest.raises(OptionError, match=wrong) as caught:
        metric(text)
    assert text in caught.value.message
    assert hint in caught.value.hint


def test_target_that_is_no_metric_is_the_plugins_fault() -> None:
    spec = MetricSpec(
        name="odd", summary="odd", task="classify", target="zoo.errors:ZooError", direction="higher", reference="none"
    )
    with pytest.raises(PluginError, match="is no metric"):
        build_metric("odd", spec)


def test_every_metric_of_the_core_has_a_target_that_is_a_metric() -> None:
    from zoo.lazy import load_target

    specs = zoo_metrics()
    classify = [spec.name for spec in specs if spec.task == "classify"]
    assert classify == ["accuracy", "f1", "precision", "recall", "confusion", "nll", "ece", "abstentions"]
    assert all(issubclass(load_target(spec.target), Metric) for spec in specs)


def test_class_that_is_not_there_is_refused_with_the_nearest(metric: Build) -> None:
    with pytest.raises(OptionError, match="positive=spma") as caught:
        metric("f1:positive=spma").check(("ham", "spam"))
    assert "spam" in caught.value.hint


def test_many_classes_are_not_all_listed(metric: Build) -> None:
    with pytest.raises(OptionError) as caught:
        metric("recall:positive=?").check(tuple(f"n{i:08}" for i in range(1000)))
    assert "(1000 in all)" in caught.value.hint
    assert len(caught.value.hint) < 200


def test_k_beyond_the_classes_is_refused(metric: Build) -> None:
    with pytest.raises(OptionError, match="needs 5 classes, and there are 2"):
        metric("accuracy:k=5").check(("ham", "spam"))


def test_listing_metrics_imports_no_numpy_and_scoring_no_torch() -> None:
    code = """
import sys, zoo.metric_specs
zoo.metric_specs.zoo_metrics()
assert "numpy" not in sys.modules
import zoo.metrics.classify
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
