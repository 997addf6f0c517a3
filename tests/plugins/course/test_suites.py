"""The course's suites: all that they name is there, and something fits in each."""

import pytest

import zoo
from zoo.specs import SuiteRun, SuiteSpec
from zoo.sweeps.cells import planned
from zoo.testing.static import _references
from zoo_course import SUITES


@pytest.mark.parametrize("name", [f"course/{suite.name}" for suite in SUITES])
def test_a_suite_runs_models_of_its_own(name: str) -> None:
    registry = zoo.registry()
    suite = registry.suite(name)
    cells, _ = planned(registry, None, [name], task=None, plugin=None)
    assert {cell.benchmark for cell in cells} == {run.benchmark for run in suite.runs}
    assert suite.models and all("*" in model or registry.model(model.partition("@")[0]) for model in suite.models)


def test_a_suite_that_names_what_is_not_there_is_found() -> None:
    runs = (SuiteRun(benchmark="data/nowhere"), SuiteRun(benchmark="data/mnist", model="robust/nobody"))
    suite = SuiteSpec(name="course/lost", summary="S.", runs=runs, models=("cnn/*", "cnn/nobody"))
    problems = [message for message, _ in _references(suite, zoo.registry())]
    assert len(problems) == 3 and "data/nowhere" in problems[0]


def test_in_topic_8_the_model_is_the_victim() -> None:
    cells, left_out = planned(zoo.registry(), ["cnn/lenet5"], ["course/topic-8"], task=None, plugin=None)
    assert not left_out and cells[0].model == "cnn/lenet5" and not cells[0].aux
    assert [(cell.model, dict(cell.aux)) for cell in cells[1:]] == [
        (f"robust/{attack}", {"victim": "cnn/lenet5"}) for attack in ("uniform-noise", "fgsm", "pgd")
    ]


def test_what_is_no_classifier_of_its_classes_is_left_out_of_topic_8() -> None:
    _, left_out = planned(zoo.registry(), ["sequence/lstm", "cnn/resnet20"], ["course/topic-8"], task=None, plugin=None)
    assert len(left_out) == 8
