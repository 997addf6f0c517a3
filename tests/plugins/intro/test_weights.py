"""The shipped weights score what the catalogue claims, and a recipe makes weights as good again."""

from pathlib import Path

import pytest

import zoo
from zoo.plugins.catalogue import load_catalogue

CLAIMS = [claim for claim in load_catalogue().claims if claim.model.startswith("intro/")]
DIGITS = [claim for claim in CLAIMS if claim.benchmark == "data/digits"]
CLOTHES = [claim for claim in CLAIMS if claim.benchmark == "data/fashion-mnist"]


@pytest.mark.parametrize("claim", DIGITS, ids=[claim.model for claim in DIGITS])
def test_shipped_weights_score_what_is_claimed(claim) -> None:
    assert zoo.evaluate(claim.model, claim.benchmark).primary.value == pytest.approx(claim.value, abs=claim.tolerance)


def test_the_perceptron_scores_on_clothes_what_is_claimed(real_data: Path) -> None:
    score = zoo.evaluate("intro/mlp-wide", "fashion-mnist", data_dir=real_data).primary
    assert score.n == 10_000
    assert {claim.kind for claim in CLOTHES} == {"published", "measured"}
    for claim in CLOTHES:
        assert score.value == pytest.approx(claim.value, abs=claim.tolerance)


def test_the_numpy_trainer_makes_weights_that_both_perceptrons_run(tmp_path: Path) -> None:
    output = tmp_path / "mlp.safetensors"
    record = zoo.train("intro/mlp-numpy-digits", epochs=15, output=output)
    assert len(record.history) == 15
    assert record.history[-1].loss < record.history[0].loss
    numpy_score = zoo.evaluate("intro/mlp-numpy", "digits", weights=output).primary.value
    torch_score = zoo.evaluate("intro/mlp", "digits", weights=output).primary.value
    assert numpy_score >= 0.95
    assert torch_score == pytest.approx(numpy_score, abs=0.003)


def test_training_twice_gives_the_same_bytes() -> None:
    first = zoo.train("intro/mlp-numpy-digits", epochs=2)
    assert zoo.train("intro/mlp-numpy-digits", epochs=2, fresh=True).weights_sha256 == first.weights_sha256
