"""The shipped weights score what the catalogue claims."""

from pathlib import Path

import pytest

import zoo
from zoo.catalogue import load_catalogue

LENET = {claim.model: claim for claim in load_catalogue().claims if claim.model.startswith("cnn/lenet5@")}


def test_lenet_on_digits_scores_what_is_claimed() -> None:
    claim = LENET["cnn/lenet5@digits"]
    assert zoo.evaluate(claim.model, claim.benchmark).primary.value == pytest.approx(claim.value, abs=claim.tolerance)


def test_lenet_on_mnist_scores_what_is_claimed_and_at_least_099(real_data: Path) -> None:
    claim = LENET["cnn/lenet5@mnist"]
    score = zoo.evaluate("cnn/lenet5", "mnist", data_dir=real_data).primary
    assert score.n == 10_000
    assert score.value == pytest.approx(claim.value, abs=claim.tolerance)
    assert score.value >= 0.99
