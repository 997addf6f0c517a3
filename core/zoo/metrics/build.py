"""From a metric as written (`ece:bins=10`) to the metric itself, its options validated."""

from typing import Any

from pydantic import ValidationError

from zoo.errors import OptionError, PluginError
from zoo.metrics.base import Metric
from zoo.metrics.names import parse_metric
from zoo.specs import MetricSpec
from zoo.targets import load_target


def build_metric(text: str, spec: MetricSpec) -> Metric:
    """The metric that `spec` describes, with the options that `text` gives it.

    Raises OptionError for an option that is unknown, missing or out of range, and PluginError where the spec's target
    is absent or no metric. Whether options fit a dataset's classes, `Metric.check` says.
    """
    name, options = parse_metric(text)
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
    fields = metric.model_json_schema().get("properties", {})
    if not fields:
        return f"{name} takes no options"
    return f"options of {name}: " + "; ".join(_describe(key, schema) for key, schema in fields.items())


def _describe(key: str, schema: dict[str, Any]) -> str:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    default = schema.get("default")
    text = f"{key}=" + " or ".join(_kind(kind) for kind in kinds)
    text += f" (default {default})" if default is not None else ""
    return text + (f": {schema['description'].rstrip('.')}" if "description" in schema else "")


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return ", ".join([str(schema.get("type", "text")).replace("string", "text").upper(), *bounds])


def _sentence(item: dict[str, Any]) -> str:
    key = ".".join(map(str, item["loc"]))
    if item["type"] == "extra_forbidden":
        return f"it has no option {key!r}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{key}: {message}, not {item['input']!r}" if key else message
