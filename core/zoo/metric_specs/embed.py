"""Metrics of task `embed`: retrieval, verification, clustering and one-shot classification."""

from typing import Literal

from zoo.specs import MetricSpec


def _metric(
    name: str,
    summary: str,
    target: str,
    reference: str,
    direction: Literal["higher", "lower"] = "higher",
    lowest: float = 0.0,
) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="embed",
        target=f"zoo.metrics.{target}",
        direction=direction,
        range=(lowest, 1.0),
        reference=reference,
    )


METRICS: list[MetricSpec] = [
    _metric(
        "recall-at-k",
        "Share of queries with an item of their class among the k most similar",
        "retrieval:RecallAtK",
        "pytorch_metric_learning AccuracyCalculator precision_at_1, for k = 1",
    ),
    _metric(
        "map-at-r",
        "Mean average precision among the R most similar items, R being the size of the query's class",
        "retrieval:MapAtR",
        "pytorch_metric_learning AccuracyCalculator mean_average_precision_at_r",
    ),
    _metric(
        "knn-accuracy",
        "Share of queries whose class has most votes among the k most similar items",
        "retrieval:KnnAccuracy",
        "sklearn.neighbors.KNeighborsClassifier(metric='cosine')",
    ),
    _metric(
        "one-shot-accuracy",
        "Share of queries most similar to the one item of their class in the episode",
        "retrieval:OneShotAccuracy",
        "sklearn.neighbors.KNeighborsClassifier(1, metric='cosine'), by episode",
    ),
    _metric(
        "nmi",
        "Normalised mutual information of classes and of k-means clusters",
        "clustering:Nmi",
        "sklearn.metrics.normalized_mutual_info_score",
    ),
    _metric(
        "ami",
        "Mutual information of classes and of k-means clusters, adjusted for chance",
        "clustering:Ami",
        "sklearn.metrics.adjusted_mutual_info_score",
        lowest=-1.0,
    ),
    _metric(
        "roc-auc",
        "Probability that a pair of one class is more similar than a pair of two",
        "verification:RocAuc",
        "sklearn.metrics.roc_auc_score",
    ),
    _metric(
        "eer",
        "Error rate at the threshold where as large a share of impostor pairs is accepted as of genuine ones rejected",
        "verification:Eer",
        "sklearn.metrics.roc_curve",
        "lower",
    ),
    _metric(
        "tar-at-far",
        "Share of genuine pairs accepted where at most a share `far` of impostor pairs is",
        "verification:TarAtFar",
        "sklearn.metrics.roc_curve",
    ),
]
