"""The core's own entries, registered as plugin `core` like everybody else's: the metrics of each task, a file a task."""

from zoo.hookspecs import hookimpl
from zoo.metric_specs import attack, classify, detect, embed, generate, segment
from zoo.specs import MetricSpec


@hookimpl
def zoo_metrics() -> list[MetricSpec]:
    return [*attack.METRICS, *classify.METRICS, *detect.METRICS, *segment.METRICS, *embed.METRICS, *generate.METRICS]
