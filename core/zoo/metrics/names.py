"""How a metric is written, everywhere: `name` or `name:option=value,option=value` (`f1:positive=spam`)."""

from zoo.options import parse_named


def bare_metric(text: str) -> str:
    """The name without options: `f1` of `f1:positive=spam`."""
    return text.partition(":")[0]


def parse_metric(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of a metric as written. Values stay text; the metric's own fields give them types."""
    name, options, _ = parse_named(text, "metric", "f1:average=macro")
    return name, options
