"""The plugin: fit to be published, right in what it scores, and the same before and after its weights were written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from zoo_sklearn.fitted import Fitted, FittedArrays
from zoo_sklearn.forest import FittedForest

import zoo
from zoo.errors import ModelError, WeightsError

MEASURED = {"logistic": 0.9639, "naive-bayes": 0.8972, "discriminant": 0.9444, "forest": 0.9667}
"""Accuracy on the 360 test images of digits, as the README says it."""
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(300, 6)), RANDOM.integers(3, size=300)
X[:, 0] += 2 * Y


def built() -> list[Fitted]:
    logistic = {"estimator": "sklearn.linear_model:LogisticRegression", "fitted": ["coef_", "intercept_"], "parameters": {}}
    bayes = {"estimator": "sklearn.naive_bayes:GaussianNB", "fitted": ["theta_", "var_", "class_prior_"], "parameters": {}}
    return [FittedArrays(**logistic, classes=3), FittedArrays(**bayes, classes=3), FittedForest(10, 2, classes=3)]  # type: ignore[arg-type]


def test_the_plugin_passes_every_check(zoo_check: Callable[[str], object]) -> None:
    zoo_check("sklearn")


@pytest.mark.parametrize("name", list(MEASURED))
def test_the_models_score_what_the_readme_says(zoo_home: Path, name: str) -> None:
    assert zoo.evaluate(f"sklearn/{name}-images", "digits").primary.value == pytest.approx(MEASURED[name], abs=0.003)


def test_training_again_gives_the_weights_that_are_shipped(zoo_home: Path) -> None:
    trained = Path(zoo.train("sklearn/naive-bayes-digits").weights)
    found = zoo.evaluate("sklearn/naive-bayes-images", "digits", weights=trained).primary.value
    assert found == pytest.approx(MEASURED["naive-bayes"], abs=0.003)


@pytest.mark.parametrize("position", range(3))
def test_a_model_predicts_the_same_from_its_weights_as_when_it_was_fitted(position: int) -> None:
    fitted, fresh = built()[position], built()[position]
    fitted.fit(X, Y, seed=0)
    fitted.restore()
    fresh.load_state_dict({name: tensor.clone() for name, tensor in fitted.state_dict().items()})
    vectors = torch.from_numpy(X).float()
    assert torch.equal(fresh(vectors), fitted(vectors))
    assert (fresh(vectors).argmax(1).numpy() == Y).mean() > 0.7


def test_the_forest_is_that_of_scikit_learn() -> None:
    ours = FittedForest(10, 2, classes=3)
    ours.fit(X, Y, seed=0)
    x = (X - X.mean(0)) / X.std(0)
    theirs = RandomForestClassifier(10, min_samples_leaf=2, random_state=0).fit(x, Y)
    assert np.exp(ours.log_probabilities(x)) == pytest.approx(np.maximum(theirs.predict_proba(x), 1e-6), abs=1e-6)


def test_a_class_that_training_never_saw_is_the_least_likely() -> None:
    for model in built():
        model.fit(X[Y < 2], Y[Y < 2], seed=0)
        model.restore()
        logits = model(torch.from_numpy(X).float())
        assert logits.shape == (300, 3) and bool((logits.argmin(1) == 2).all()) and bool(torch.isfinite(logits).all())


def test_other_features_than_those_of_the_training_are_refused() -> None:
    (model, *_) = built()
    model.fit(X, Y, seed=0)
    with pytest.raises(ModelError, match="trained on 6 features, and these are 5"):
        model(torch.zeros(2, 5))


def test_a_model_without_weights_is_never_run(zoo_home: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b,label\n" + "".join(f"{i},{i % 7},{'yes' if i > 20 else 'no'}\n" for i in range(40)))
    with pytest.raises(WeightsError):
        zoo.evaluate("sklearn/forest-vectors", f"csv:{table}", classes="dataset")


def test_any_model_is_fitted_to_a_table_of_ones_own(zoo_home: Path, tmp_path: Path) -> None:
    table: Any = tmp_path / "table.csv"
    lines = [f"{x[0]:.4f},{x[1]:.4f},{'abc'[y]}\n" for x, y in zip(X, Y, strict=True)]
    table.write_text("a,b,label\n" + "".join(lines))
    trained = zoo.train("sklearn/fit", model="sklearn/logistic-vectors", dataset=f"csv:{table}")
    assert trained.weights and Path(trained.weights).suffix == ".safetensors"
