"""Metrics: folds from stored predictions to a score with an interval."""

from zoo.metrics.base import Metric, Score, State
from zoo.metrics.build import build_metric
from zoo.metrics.names import bare_metric, parse_metric

__all__ = ["Metric", "Score", "State", "bare_metric", "build_metric", "parse_metric"]
