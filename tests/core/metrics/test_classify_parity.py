"""Every score of task classify against scikit-learn and torchmetrics."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.functional.classification as tm
from torch.nn.functional import cross_entropy

from zoo.metrics import Score

ScoreOf = Callable[..., Score]
Case = tuple[np.ndarray, np.ndarray]


def _random(n: int, c: int, signal: float, scale: float, seed: int, skew: float = 0.0) -> Case:
    """Logits float32 [n, c] without ties and targets, of which class 0 gets a further share `skew`."""
    rng = np.random.default_rng(seed)
    target = np.where(rng.random(n) < skew, 0, rng.integers(0, c, n))
    logits = rng.normal(size=(n, c))
    logits[np.arange(n), target] += signal
    return (scale * logits).astype(np.float32), target


def _one_hot(labels: Any, c: int) -> np.ndarray:
    """Logits without ties whose largest stands at the label."""
    return (np.eye(c)[np.asarray(labels)] * 20 - np.arange(c) * 0.5).astype(np.float32)


CASES = {
    "random, 10 classes": _random(2000, 10, 1.5, 2.0, 0),
    "random, 100 classes of 300 samples": _random(300, 100, 2.0, 1.0, 1),
    "skewed, 2 classes": _random(500, 2, 1.0, 3.0, 2, skew=0.8),
    "overconfident": _random(400, 5, 0.5, 40.0, 3),
    "all right": (_one_hot([0, 1, 2, 3, 4, 5] * 5, 6), np.array([0, 1, 2, 3, 4, 5] * 5)),
    "all wrong": (_one_hot([1, 2, 3, 4, 5, 0] * 5, 6), np.array([0, 1, 2, 3, 4, 5] * 5)),
    "constant prediction": (_one_hot([2] * 12, 6), np.arange(12) % 6),
    "one true class": (_one_hot([0, 1, 2, 0, 0, 5], 6), np.zeros(6, dtype=int)),
    "classes that never occur": (_one_hot([0, 1, 1, 3, 0, 3], 7), np.array([0, 1, 1, 3, 3, 1])),
    "one sample": (_one_hot([1], 6), np.array([1])),
}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def _tensors(case: Case) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Logits in float64, as ours are computed. Scaled logits must not lie in [0, 1] throughout: torchmetrics would take
    them for probabilities."""
    return torch.tensor(case[0], dtype=torch.float64), torch.tensor(case[1]), case[0].shape[1]


def test_accuracy(score: ScoreOf, case: Case) -> None:
    logits, target, c = _tensors(case)
    ours = score("accuracy", *case).value
    assert ours == sk.accuracy_score(case[1], case[0].argmax(1))
    assert ours == pytest.approx(float(tm.multiclass_accuracy(logits, target, c, average="micro")), abs=1e-6)


@pytest.mark.parametrize("k", [2, 5])
def test_top_k_accuracy(score: ScoreOf, case: Case, k: int) -> None:
    logits, target, c = _tensors(case)
    if k >= c:
        pytest.skip("every class is among the k largest")
    ours = score(f"accuracy:k={k}", *case).value
    assert ours == pytest.approx(float(tm.multiclass_accuracy(logits, target, c, average="micro", top_k=k)), abs=1e-6)
    assert ours == pytest.approx(sk.top_k_accuracy_score(case[1], case[0], k=k, labels=range(c)))


PER_CLASS = {
    "f1": (sk.f1_score, tm.multiclass_f1_score),
    "precision": (sk.precision_score, tm.multiclass_precision),
    "recall": (sk.recall_score, tm.multiclass_recall),
}


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", PER_CLASS)
def test_averages(score: ScoreOf, case: Case, name: str, average: str) -> None:
    logits, target, c = _tensors(case)
    sklearn, torchmetrics = PER_CLASS[name]
    ours = score(f"{name}:average={average}", *case).value
    assert ours == pytest.approx(sklearn(case[1], case[0].argmax(1), average=average, zero_division=0), abs=1e-12)
    assert ours == pytest.approx(float(torchmetrics(logits, target, c, average=average)), abs=1e-6)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("name", PER_CLASS)
def test_one_class(score: ScoreOf, case: Case, name: str, positive: int) -> None:
    logits, target, c = _tensors(case)
    sklearn, torchmetrics = PER_CLASS[name]
    ours = score(f"{name}:positive=class {positive}", *case).value
    reference = sklearn(case[1], case[0].argmax(1), labels=[positive], average=None, zero_division=0)[0]
    assert ours == pytest.approx(reference, abs=1e-12)
    assert ours == pytest.approx(float(torchmetrics(logits, target, c, average="none")[positive]), abs=1e-6)


def test_positive_class_of_two_is_sklearns_binary_score(score: ScoreOf) -> None:
    logits, target = CASES["skewed, 2 classes"]
    assert score("f1:positive=spam", logits, target, ("ham", "spam")).value == sk.f1_score(target, logits.argmax(1))


def test_confusion(score: ScoreOf, case: Case) -> None:
    logits, target, c = _tensors(case)
    ours = score("confusion", *case)
    assert ours.value is None
    assert ours.detail["classes"] == [f"class {i}" for i in range(c)]
    assert ours.detail["matrix"] == sk.confusion_matrix(case[1], case[0].argmax(1), labels=range(c)).tolist()
    assert ours.detail["matrix"] == tm.multiclass_confusion_matrix(logits, target, c).tolist()


def test_nll(score: ScoreOf, case: Case) -> None:
    logits, target, c = _tensors(case)
    ours = score("nll", *case).value
    assert ours == pytest.approx(float(cross_entropy(logits, target)), rel=1e-12, abs=1e-15)
    # sklearn clips probabilities at the float64 epsilon: 36 nats.
    if float(cross_entropy(logits, target, reduction="none").max()) < 36:
        assert ours == pytest.approx(sk.log_loss(case[1], logits.softmax(1), labels=range(c)), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_ece(score: ScoreOf, case: Case, bins: int, norm: Any) -> None:
    logits, target, c = _tensors(case)
    reference = tm.multiclass_calibration_error(logits.softmax(1), target, c, n_bins=bins, norm=norm)
    # torchmetrics sums in float32.
    assert score(f"ece:bins={bins},norm={norm}", *case).value == pytest.approx(float(reference), abs=2e-6)
