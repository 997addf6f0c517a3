"""The network of defences and certificates against its authors' weights."""

from pathlib import Path

import pytest

import zoo
from zoo_robust.networks import SmallConvNet


def test_it_has_the_parameters_of_its_paper() -> None:
    assert sum(parameter.numel() for parameter in SmallConvNet().parameters()) == 166_406


@pytest.mark.parametrize(
    ("tag", "benchmark", "accuracy"),
    [("mnist-convex", "mnist", 0.9820), ("fashion-mnist-convex", "fashion-mnist", 0.7827), ("mnist-fast", "mnist", 0.9850)],
)
def test_the_authors_weights_score_as_published(tag: str, benchmark: str, accuracy: float, real_data: Path) -> None:
    record = zoo.evaluate(f"robust/small-convnet@{tag}", benchmark)
    assert record["accuracy"].value == pytest.approx(accuracy, abs=5e-4)
