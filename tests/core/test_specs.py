"""Specs: frozen, strict, and the same after JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.plugins.discovery import discover
from zoo.plugins.hooks import spec_classes
from zoo.specs import BenchmarkSpec, ImageInput, ModelSpec, Weights

MODEL: dict[str, Any] = {"name": "net", "summary": "A net.", "tasks": {"classify": "nets:Net"}, "modality": "image"}
WEIGHTS: dict[str, Any] = {"uri": "file:x", "sha256": "0" * 64, "licence": "MIT", "source": "test"}
BENCHMARK: dict[str, Any] = {"name": "b", "summary": "B.", "task": "classify", "modality": "text", "dataset": "d"}


def test_a_spec_never_changes() -> None:
    spec = ModelSpec(**MODEL)
    with pytest.raises(ValidationError):
        spec.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"wings": 2},
        {"summary": ""},
        {"tasks": {}},
        {"tasks": {"Fly away": "nets:Net"}},
        {"modality": "a smell"},
        {"weights": {"Two Words": WEIGHTS}},
        {"weights": {"x": {**WEIGHTS, "sha256": "0" * 63}}},
        {"weights": {"x": {**WEIGHTS, "sha256": "A" * 64}}},
        {"input": {"channels": 2}},
        {"input": {"crop_pct": 0.0}},
    ],
)
def test_what_a_spec_does_not_know_or_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelSpec(**{**MODEL, **change})


@given(st.text(alphabet="ab.:_1/- ", max_size=8))
def test_a_target_is_a_module_and_one_attribute(text: str) -> None:
    module, _, attribute = text.partition(":")
    fits = attribute.isidentifier() and module.replace(".", "").isidentifier() and module[0].isidentifier()
    if fits:
        assert ModelSpec(**{**MODEL, "tasks": {"classify": text}}).tasks == {"classify": text}
    else:
        with pytest.raises(ValidationError):
            ModelSpec(**{**MODEL, "tasks": {"classify": text}})


def test_a_pass_mark_names_a_metric_of_its_benchmark_and_a_number() -> None:
    metrics = ("f1:positive=spam", "accuracy")
    good = BenchmarkSpec(**BENCHMARK, metrics=metrics, pass_mark="f1:positive=spam > 0.9")
    assert good.pass_mark == "f1:positive=spam > 0.9"
    for bad in ("f1 > 0.9", "accuracy => 0.9", "accuracy>0.9", "accuracy > high", "accuracy > nan", "accuracy > ", "0.9"):
        with pytest.raises(ValidationError):
            BenchmarkSpec(**BENCHMARK, metrics=metrics, pass_mark=bad)
    with pytest.raises(ValidationError):
        BenchmarkSpec(**BENCHMARK, metrics=())


def test_every_bundled_spec_is_the_same_after_json() -> None:
    plugins = [plugin for plugin in discover() if plugin.candidate.bundled]
    classes = spec_classes(kind for plugin in plugins for kind in plugin.kinds)
    specs = [(kind, spec) for plugin in plugins for kind, spec in plugin.specs]
    assert {kind for kind, _ in specs} >= {"model", "dataset", "metric", "benchmark", "recipe"}
    for kind, spec in specs:
        assert classes[kind].model_validate(json.loads(spec.model_dump_json())) == spec


def test_preprocessing_and_weights_are_the_same_after_json() -> None:
    spec = ModelSpec(**MODEL, input=ImageInput(size=(28, 32)), weights={"x": Weights(**WEIGHTS, classes=("a", "b"))})
    assert ModelSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
