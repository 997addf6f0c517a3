"""The plugin: fit to be published, and right in what it says of its tables and scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from zoo_tabular.kappa import Kappa

import zoo
from zoo.tasks import Rows

MEASURED = {
    ("linear", "breast-cancer"): 0.9622,
    ("linear", "wine"): 0.9146,
    ("linear", "diabetes"): 0.53,
    ("perceptron", "breast-cancer"): 0.9494,
    ("perceptron", "wine"): 0.9428,
    ("perceptron", "diabetes"): 0.4926,
}
"""Kappa on the test rows, as the README says it."""


def rows(target: "np.ndarray[Any, Any]", predicted: "np.ndarray[Any, Any]", classes: str) -> Rows:
    logits = np.eye(len(classes) + 1)[predicted]
    return Rows([str(i) for i in range(len(target))], {"logits": logits, "target": target}, tuple(classes))


def test_the_plugin_passes_every_check(zoo_check: Callable[[str], object]) -> None:
    zoo_check("tabular")


@pytest.mark.parametrize(("network", "table"), list(MEASURED))
def test_the_networks_score_what_the_readme_says(zoo_home: Path, network: str, table: str) -> None:
    record = zoo.evaluate(f"tabular/{network}@{table}", f"tabular/{table}")
    assert record.primary.value == pytest.approx(MEASURED[network, table], abs=0.02)
    assert record.primary.ci_low is not None or record.primary.interval.startswith("none: ")


def test_training_again_gives_the_weights_that_are_shipped(zoo_home: Path) -> None:
    trained = Path(zoo.train("tabular/linear-wine").weights)
    found = zoo.evaluate("tabular/linear", "tabular/wine", weights=trained).primary.value
    assert found == pytest.approx(MEASURED["linear", "wine"], abs=0.05)


@pytest.mark.parametrize("table", ["breast-cancer", "wine", "diabetes"])
def test_train_and_test_share_no_row_and_every_class_is_in_both(table: str) -> None:
    train, test = zoo.dataset(f"tabular/{table}", "train"), zoo.dataset(f"tabular/{table}", "test")
    assert not set(train.ids) & set(test.ids)
    assert len(train.ids) + len(test.ids) == {"breast-cancer": 569, "wine": 178, "diabetes": 442}[table]
    assert set(train.targets) == set(test.targets) == set(range(len(train.classes or ())))


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("classes", ["ab", "abcd"])
def test_kappa_is_that_of_scikit_learn(weights: Any, classes: str) -> None:
    random = np.random.default_rng(0)
    target = random.integers(len(classes), size=200)
    predicted = np.where(random.random(200) < 0.6, target, random.integers(len(classes), size=200))
    metric = Kappa(weights=weights)
    score = metric.compute(metric.update(rows(target, predicted, classes)), tuple(classes))
    expected = cohen_kappa_score(target, predicted, weights=None if weights == "none" else weights)
    assert score.value == pytest.approx(expected, abs=1e-12)
    assert score.ci_low is not None and score.ci_high is not None and score.ci_low < expected < score.ci_high
    again = metric.resampled(metric.update(rows(target, predicted, classes)), np.ones((2, 200)), tuple(classes))
    assert again == pytest.approx([expected, expected])


def test_of_one_class_alone_and_of_few_samples_there_is_none() -> None:
    metric = Kappa()
    same = np.zeros(30, dtype=np.int64)
    assert metric.compute(metric.update(rows(same, same, "ab")), tuple("ab")).value is None
    few = np.arange(6) % 2
    found = metric.compute(metric.update(rows(few, few, "ab")), tuple("ab"))
    assert (found.value, found.ci_low, found.interval) == (1.0, None, "none: 6 samples are too few")


def test_an_answer_that_is_no_class_of_the_dataset_is_wrong() -> None:
    target = np.arange(40) % 2
    metric = Kappa()
    wrong = np.where(np.arange(40) < 10, 2, target)
    found = metric.compute(metric.update(rows(target, wrong, "ab")), tuple("ab")).value
    assert found is not None and found < 1


@pytest.mark.parametrize(("n", "least"), [(20, 0.85), (100, 0.90), (1000, 0.92)])
def test_what_is_printed_as_95_per_cent_covers_it(n: int, least: float) -> None:
    random, classes = np.random.default_rng(n), tuple("abc")
    shares, right = np.array([0.5, 0.3, 0.2]), 0.7
    joint = right * np.diag(shares) + (1 - right) * np.outer(shares, [1 / 3] * 3)
    expected = joint.sum(1) @ joint.sum(0)
    truth = (np.trace(joint) - expected) / (1 - expected)
    covered, printed = 0, 0
    metric = Kappa()
    for _ in range(400):
        cell = random.choice(9, size=n, p=joint.ravel() / joint.sum())
        score = metric.compute({"target": cell // 3, "predicted": cell % 3}, classes)
        if score.ci_low is not None and score.ci_high is not None:
            printed += 1
            covered += score.ci_low <= truth <= score.ci_high
    assert printed > 300 and covered / printed >= least
