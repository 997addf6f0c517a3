"""Metrics: folds from stored predictions to a score with an interval."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "NO_SAMPLES",
    "FrechetDistance",
    "Interval",
    "Metric",
    "SamplePrecision",
    "SampleRecall",
    "Score",
    "State",
    "bare_metric",
    "build_metric",
    "clustered_mean",
    "jackknife",
    "no_interval",
    "order_statistics",
    "parse_metric",
    "predicted_classes",
    "scored",
    "skewed_mean",
    "student_mean",
    "wilson",
]

if TYPE_CHECKING:
    from zoo.metrics.base import Metric, Score, State
    from zoo.metrics.build import build_metric
    from zoo.metrics.classify import predicted_classes
    from zoo.metrics.frechet import FrechetDistance
    from zoo.metrics.intervals import (
        NO_SAMPLES,
        Interval,
        clustered_mean,
        jackknife,
        no_interval,
        order_statistics,
        scored,
        skewed_mean,
        student_mean,
        wilson,
    )
    from zoo.metrics.manifold import SamplePrecision, SampleRecall
    from zoo.metrics.names import bare_metric, parse_metric
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.metrics.base": ["Metric", "Score", "State"],
            "zoo.metrics.build": ["build_metric"],
            "zoo.metrics.classify": ["predicted_classes"],
            "zoo.metrics.frechet": ["FrechetDistance"],
            "zoo.metrics.intervals": [
                "Interval",
                "NO_SAMPLES",
                "clustered_mean",
                "jackknife",
                "no_interval",
                "order_statistics",
                "scored",
                "skewed_mean",
                "student_mean",
                "wilson",
            ],
            "zoo.metrics.manifold": ["SamplePrecision", "SampleRecall"],
            "zoo.metrics.names": ["bare_metric", "parse_metric"],
        },
    )
