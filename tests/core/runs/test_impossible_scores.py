"""A metric whose score cannot be ends the run with its name; no number of it is kept."""

import math
import re
from typing import Any

import pytest

import zoo
from zoo.errors import PluginError
from zoo.metrics.base import Score
from zoo.metrics.classify import Accuracy


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (Score(1.5, 360), r"gave 1\.5, outside of its range \[0, 1\]"),
        (Score(-0.1, 360), r"gave -0\.1, outside of its range"),
        (Score(math.nan, 360), "gave nan .* which is no score"),
        (Score(0.5, 360, 0.4, math.nan), "which is no score"),
        (Score(0.5, 360, 0.6, 0.7), r"gave 0\.5, outside of its own interval \[0\.6, 0\.7\]"),
        (Score(0.5, 360, 0.1, 0.4), "outside of its own interval"),
        (Score(math.inf, 360), "outside of its range"),
    ],
)
def test_it_is_an_error_that_names_the_metric(score: Score, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Accuracy.compute

    def compute(self: Accuracy, state: Any, classes: tuple[str, ...]) -> Score:
        return score if state["n"][0] else real(self, state, classes)

    monkeypatch.setattr(Accuracy, "compute", compute)
    with pytest.raises(PluginError, match="metric core/accuracy") as caught:
        zoo.evaluate("intro/logistic", "digits", metrics=["accuracy"], device="cpu")
    assert re.search(message, caught.value.message)
    assert list(zoo.Store(writing=False).records()) == []


def test_a_bound_that_equals_the_score_is_none() -> None:
    assert zoo.evaluate("intro/logistic", "digits", metrics=["accuracy"], device="cpu").results[0].value
