"""Classifiers of scikit-learn for images and vectors: trained by recipe, kept as arrays in safetensors, never as a pickle."""

from typing import Any

from zoo import hookimpl
from zoo.data import DIGITS
from zoo.specs import ImageInput, ModelSpec, RecipeSpec, Weights

ARRAYS, FOREST = "zoo_sklearn.fitted:FittedArrays", "zoo_sklearn.forest:FittedForest"
KINDS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "logistic": (
        "Logistic regression of standardised features, L2",
        ARRAYS,
        {
            "estimator": "sklearn.linear_model:LogisticRegression",
            "fitted": ["coef_", "intercept_"],
            "parameters": {"C": 0.1, "max_iter": 1000},
        },
        "Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
    ),
    "naive-bayes": (
        "Naive Bayes with a Gaussian for each feature and class",
        ARRAYS,
        {
            "estimator": "sklearn.naive_bayes:GaussianNB",
            "fitted": ["theta_", "var_", "class_prior_"],
            "parameters": {"var_smoothing": 0.03},
        },
        "Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 6.6.3",
    ),
    "discriminant": (
        "Linear discriminant analysis, with a shrunk covariance",
        ARRAYS,
        {
            "estimator": "sklearn.discriminant_analysis:LinearDiscriminantAnalysis",
            "fitted": ["coef_", "intercept_"],
            "parameters": {"solver": "lsqr", "shrinkage": "auto"},
        },
        "Ledoit & Wolf 2004, A well-conditioned estimator for large-dimensional covariance matrices",
    ),
    "forest": (
        "Random forest of 40 trees",
        FOREST,
        {"trees": 40, "leaf": 2},
        "Breiman 2001, Random forests, doi:10.1023/A:1010933404324",
    ),
}
"""Name to summary, target, its settings, and reference."""
IMAGES = ImageInput(channels=1, size=(8, 8))
SHA256 = {
    "logistic": "3dc3ec1a5e62ebc2ee2eedc578c12f0f6b3ee461eaee7a948c81105c6bbb53b0",
    "naive-bayes": "a02cc2dd62137b9dec064b98d74aaf047b892df4e1ddc37e6feba030de1c8d4c",
    "discriminant": "564d5accdc71fe65daa01e250e8c6340629b1ed7068120448be66215aab97513",
    "forest": "0cef0036152b896e7d1ce424cd6fddab8edb23371d16fd0ae22ecc1392de25c1",
}


@hookimpl
def zoo_models() -> list[ModelSpec]:
    """Of images of 8x8 pixels with weights for digits, and of vectors of any length, which the user trains."""
    found = []
    for name, (summary, target, config, paper) in KINDS.items():
        common: dict[str, Any] = {"tasks": {"classify": target}, "paper": paper}
        weights = {"digits": Weights.shipped(f"sklearn/{name}-digits", SHA256[name], classes=DIGITS)}
        images: dict[str, Any] = {"modality": "image", "input": IMAGES, "config": {**config, "classes": 10}}
        found += [
            ModelSpec(name=f"{name}-images", summary=f"{summary}, of pixels", weights=weights, **images, **common),
            ModelSpec(name=f"{name}-vectors", summary=f"{summary}, of vectors", modality="vector", config=config, **common),
        ]
    return found


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    """Of the weights for digits; and `fit`, of any of the models on data of one's own."""
    common: dict[str, Any] = {"trainer": "zoo_sklearn.trainer:train", "epochs": 1, "metric": "nll"}
    digits = [
        RecipeSpec(
            name=f"{name}-digits",
            summary=f"{summary}, on digits",
            model=f"sklearn/{name}-images",
            dataset="data/digits",
            **common,
        )
        for name, (summary, *_) in KINDS.items()
    ]
    return [
        *digits,
        RecipeSpec(name="fit", summary="A classifier of scikit-learn, by name, on data of your own", **common),
    ]
