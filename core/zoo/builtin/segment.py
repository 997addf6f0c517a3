"""Metrics of task `segment`."""

from zoo.specs import MetricSpec

METRICS: list[MetricSpec] = []
