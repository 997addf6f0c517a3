"""From a metric as written (`ece:bins=10`) to the metric itself, its options validated."""

from typing import Any

from pydantic import ValidationError

from zoo.errors import OptionError, PluginError
from zoo.lazy import load_target
from zoo.metrics.base import Metric
from zoo.metrics.names import parse_metric
from zoo.options import described_settings
from zoo.plugins.blame import in_plugin
from zoo.requirements import check_requirements
from zoo.specs import MetricSpec


def build_metric(text: str, spec: MetricSpec) -> Metric:
    """The metric that `spec` describes, with the options that `text` gives it.

    Raises OptionError for an option that is unknown, missing or out of range, and PluginError where the spec's target
    is absent or no metric. Whether options fit a dataset's classes, `Metric.check` says.
    """
    name, options = parse_metric(text)
    with in_plugin(spec.name, f"metric {text}"):
        check_requirements(spec, PluginError)
        return _built(text, name, options, spec)


def _built(text: str, name: str, options: dict[str, str], spec: MetricSpec) -> Metric:
    metric = load_target(spec.target)
    if not (isinstance(metric, type) and issubclass(metric, Metric)):
        raise PluginError(f"{spec.target!r} is no metric", "the target of a metric's spec is a subclass of zoo.metrics.Metric")
    try:
        # By validate_strings, "5" is read as the integer that a field declares, exactly as a command line would.
        return metric.model_validate_strings(options)
    except ValidationError as error:
        wrong = "; ".join(_sentence(dict(item)) for item in error.errors())
        raise OptionError(f"cannot use metric {text!r}: {wrong}", describe_options(name, metric)) from error


def describe_options(name: str, metric: type[Metric]) -> str:
    """One line on the options of a metric: `options of accuracy: k=INTEGER, at least 1 (default 1): ...`."""
    described = described_settings(metric)
    return f"options of {name}: {'; '.join(described)}" if described else f"{name} takes no options"


def _sentence(item: dict[str, Any]) -> str:
    key = ".".join(map(str, item["loc"]))
    if item["type"] == "extra_forbidden":
        return f"it has no option {key!r}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{key}: {message}, not {item['input']!r}" if key else message
