"""Metrics of task `detect`."""

from zoo.specs import MetricSpec

METRICS: list[MetricSpec] = []
