"""Losses and calibration of outputs that are probabilities, or may be: right, or said; and what the error of calibration says."""

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from zoo.metrics import Score

ScoreOf = Callable[..., Score]
STATED = "the outputs are probabilities, not logits (every row sums to 1), and are taken as such"


def predictions(n: int = 400, c: int = 10) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    target = rng.integers(0, c, n)
    return (3 * rng.normal(size=(n, c)) + 8 * np.eye(c)[target]).astype(np.float32), target


def softmax(logits: np.ndarray, dtype: torch.dtype = torch.float32) -> np.ndarray:
    return torch.tensor(logits).to(dtype).softmax(dim=1).float().numpy()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_probabilities_score_as_their_logits_do(score: ScoreOf, dtype: torch.dtype) -> None:
    logits, target = predictions()
    shares = softmax(logits, dtype)
    shares = shares if dtype != torch.bfloat16 else shares / shares.sum(axis=1, keepdims=True)
    loose = 1e-6 if dtype == torch.float32 else 2e-2
    for text in ("nll", "ece", "ece:norm=l2", "ece:norm=max"):
        of_logits, of_shares = score(text, logits, target), score(text, shares, target, cuts=[100, 101])
        assert of_shares.note.startswith(STATED), text
        assert not of_logits.note.startswith(STATED), text
        if text in ("nll", "ece"):
            assert of_shares.value == pytest.approx(of_logits.value, abs=loose), text


def test_probabilities_score_as_in_the_references(score: ScoreOf) -> None:
    logits, target = predictions()
    shares = softmax(logits)
    exact = torch.tensor(logits).double().softmax(dim=1).numpy()
    assert score("nll", shares, target).value == pytest.approx(sk.log_loss(target, exact), abs=1e-6)
    reference = multiclass_calibration_error(torch.tensor(shares), torch.tensor(target), 10, n_bins=15)
    assert score("ece", shares, target).value == pytest.approx(float(reference), abs=1e-6)


def test_log_probabilities_are_logits(score: ScoreOf) -> None:
    logits, target = predictions()
    log_shares = torch.tensor(logits).log_softmax(dim=1).numpy()
    assert score("nll", log_shares, target).value == pytest.approx(score("nll", logits, target).value, abs=1e-6)
    assert score("nll", log_shares, target).note == ""


def test_one_row_that_is_no_distribution_makes_all_of_them_logits(score: ScoreOf) -> None:
    logits, target = predictions()
    shares = softmax(logits)
    shares[7] = logits[7]
    assert score("nll", shares, target).note == ""
    assert score("nll", shares, target).value > 1


def test_one_hot_outputs_have_no_loss_but_a_calibration(score: ScoreOf) -> None:
    target = np.arange(40) % 4
    said = np.where(np.arange(40) < 10, (target + 1) % 4, target)
    found = score("nll", np.eye(4)[said], target)
    assert (found.value, found.interval) == (None, "none: 10 samples have probability 0 for their class")
    assert found.note == STATED
    assert score("ece", np.eye(4)[said], target).value == pytest.approx(0.25)


def test_outputs_within_the_unit_range_that_sum_to_something_else_are_doubted(score: ScoreOf) -> None:
    logits, target = predictions()
    sigmoids = torch.tensor(logits).sigmoid().numpy()
    for text in ("nll", "ece"):
        assert "such as sigmoids, return their logits" in score(text, sigmoids, target).note
        assert "sigmoids" not in score(text, sigmoids[:9], target[:9]).note  # of few rows it may be chance
        assert "sigmoids" not in score(text, logits, target).note
    assert score("accuracy", sigmoids, target).note == ""


def test_percentages_are_doubted(score: ScoreOf) -> None:
    logits, target = predictions()
    percent = 100 * softmax(logits)
    for text in ("nll", "ece"):
        assert "every row sums to 100: if they are percentages" in score(text, percent, target).note
        assert "percentages" not in score(text, softmax(logits), target).note
        assert "percentages" not in score(text, logits, target).note


def test_the_note_says_what_a_calibrated_model_would_score(score: ScoreOf) -> None:
    """Against a plain simulation, sample by sample."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.55, 1, 1000)
    logits = np.stack([np.log(confidence / (1 - confidence)), np.zeros(1000)], axis=1)
    found = score("ece", logits, np.zeros(1000, int))
    mean = float(found.note.split(" scores ")[1].split(" here")[0])
    bins = np.minimum((confidence * 15).astype(int), 14)
    drawn = [np.abs(np.bincount(bins, (rng.random(1000) < confidence) - confidence)).sum() / 1000 for _ in range(400)]
    assert mean == pytest.approx(np.mean(drawn), abs=0.002)


@pytest.mark.parametrize("norm", ["l2", "max"])
def test_other_norms_have_no_interval(score: ScoreOf, norm: str) -> None:
    found = score(f"ece:norm={norm}", *predictions())
    assert found.ci_low is None
    assert found.interval.startswith(f"none: the {norm} error of a sample lies above")
