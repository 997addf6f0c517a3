"""Metrics of task `generate`."""

from zoo.specs import MetricSpec

METRICS: list[MetricSpec] = []
