"""The core's own entries, registered as plugin `core` like everybody else's: metrics of the tasks."""

from zoo.hookspecs import hookimpl
from zoo.specs import MetricSpec


@hookimpl
def zoo_metrics() -> list[MetricSpec]:
    return []
