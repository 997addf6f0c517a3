"""Tables of numbers: three datasets that come with scikit-learn, their benchmarks, Cohen's kappa, and networks for them."""

from typing import Any

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec, ModelSpec, Optimizer, RecipeSpec, Weights

DATASETS: dict[str, dict[str, Any]] = {
    "breast-cancer": {
        "summary": "Breast tumours, 569, by 30 measures of their cells' nuclei; malignant or benign",
        "splits": {"train": 398, "test": 171},
        "classes": ("malignant", "benign"),
        "licence": "CC-BY-4.0",
        "citation": "W. Wolberg, O. Mangasarian, N. Street, W. Street (1993), Breast Cancer Wisconsin (Diagnostic), UCI, "
        "doi:10.24432/C5DW2B",
    },
    "wine": {
        "summary": "Wines, 178, by 13 measures of their chemistry; three cultivars",
        "splits": {"train": 125, "test": 53},
        "classes": ("class_0", "class_1", "class_2"),
        "licence": "CC-BY-4.0",
        "citation": "S. Aeberhard, M. Forina (1992), Wine, UCI, doi:10.24432/C5PC7J",
    },
    "diabetes": {
        "summary": "Diabetes patients, 442, by 10 measures; how far the disease goes in a year, in thirds",
        "splits": {"train": 310, "test": 132},
        "classes": ("little", "middling", "far"),
        "licence": "As published with its paper, for research.",
        "citation": "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani (2004), Least angle regression, Annals of Statistics",
    },
}
NETWORKS: dict[str, tuple[str, list[int]]] = {
    "linear": ("Softmax regression of standardised features", []),
    "perceptron": ("Perceptron of one hidden layer of 32 units on standardised features", [32]),
}
"""Name to summary and hidden sizes."""
FEATURES = {"breast-cancer": 30, "wine": 13, "diabetes": 10}
SHA256 = {
    "linear-breast-cancer": "3d261ea082ddc1852f803aae66323a820c75463a048951df82fbec4b20ccdc47",
    "linear-wine": "4178383e6fa9cf93eefcc9426c972ddd9b4d1d1011dee78e2c1af33442e2e998",
    "linear-diabetes": "8b81e5c2c86339d480dcaf4566c315b65808789bc73f31e57086f624e3623ceb",
    "perceptron-breast-cancer": "245bffaf0bb5bd4f80609d5b427f2131383bc1760b4925c7068fdf439b7797e7",
    "perceptron-wine": "fc5bbc3f00efa697ea9a5e02d44feb53e475f1ff08213a47caaf41983e523a96",
    "perceptron-diabetes": "f6f19cf6a426afae2f950382ea7e960613f09be42fa416acec7054311bc9d814",
}


@hookimpl
def zoo_datasets() -> list[DatasetSpec]:
    target = "zoo_tabular.tables:open_table"
    return [DatasetSpec(name=name, modality="vector", target=target, **said) for name, said in DATASETS.items()]


@hookimpl
def zoo_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name="kappa",
            summary="Cohen's kappa: agreement with the truth beyond chance, perhaps weighted by how far classes are apart",
            task="classify",
            target="zoo_tabular.kappa:Kappa",
            direction="higher",
            range=(-1.0, 1.0),
            reference="sklearn.metrics.cohen_kappa_score",
        )
    ]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    """The classes of diabetes have an order, so that kappa counts how far off an answer is."""
    kappa = {"diabetes": "tabular/kappa:weights=quadratic"}
    return [
        BenchmarkSpec(
            name=name,
            summary=f"{said['summary'].partition(',')[0]}: Cohen's kappa",
            task="classify",
            modality="vector",
            dataset=f"tabular/{name}",
            metrics=(kappa.get(name, "tabular/kappa"), "accuracy", "nll"),
        )
        for name, said in DATASETS.items()
    ]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [
        ModelSpec(
            name=network,
            summary=summary,
            tasks={"classify": "zoo_tabular.networks:Network"},
            modality="vector",
            config={"features": 13, "hidden": hidden, "classes": 3},
            weights={
                name: Weights.shipped(
                    f"tabular/{network}-{name}",
                    SHA256[f"{network}-{name}"],
                    classes=said["classes"],
                    config={"features": FEATURES[name], "classes": len(said["classes"])},
                )
                for name, said in DATASETS.items()
            },
            paper="Bishop 2006, Pattern Recognition and Machine Learning, sections 4.3.4 and 5.1",
        )
        for network, (summary, hidden) in NETWORKS.items()
    ]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [
        RecipeSpec(
            name=f"{network}-{name}",
            summary=f"{summary}, on {name}",
            model=f"tabular/{network}",
            dataset=f"tabular/{name}",
            config={"features": FEATURES[name], "classes": len(said["classes"])},
            epochs=60,
            batch_size=16,
            optimizer=Optimizer(name="adamw", lr=5e-3, weight_decay=0.1),
            validation=0.2,
            metric="nll",  # so few samples cannot choose by kappa
        )
        for network, (summary, _) in NETWORKS.items()
        for name, said in DATASETS.items()
    ]
