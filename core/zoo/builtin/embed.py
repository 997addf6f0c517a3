"""Metrics of task `embed`."""

from zoo.specs import MetricSpec

METRICS: list[MetricSpec] = []
