"""Settings that a pydantic class declares, such as a model's options or a protocol's: validated, with one manner of error."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from zoo.errors import OptionError

__all__ = ["checked_settings", "described_settings"]


def checked_settings(declared: type[BaseModel], values: Mapping[str, Any], kind: str, owner: str) -> BaseModel:
    """The settings, completed by their defaults. `kind` ("option") and `owner` (a name) are for the error.

    Raises OptionError for a name that is not declared, with the nearest one, and for a value that does not fit.
    """
    known = ", ".join(declared.model_fields) or "none"
    for name in values:
        if name not in declared.model_fields:
            near = get_close_matches(name, declared.model_fields)
            did_you_mean = f"did you mean {' or '.join(near)}? " if near else ""
            raise OptionError(f"{owner} has no {kind} {name!r}", f"{did_you_mean}its {kind}s are: {known}")
    try:
        return declared.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where, message = ".".join(map(str, first["loc"])), str(first["msg"]).removeprefix("Value error, ")
        raise OptionError(f"{kind} {where} of {owner}: {message}, not {first['input']!r}", f"its {kind}s are: {known}") from error


def parse_named(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of `name`, `name:value` and `name:option=value,option=value`; a value without a name stands under "".

    Raises OptionError for what cannot be read so.
    """
    name, colon, rest = text.partition(":")
    options: dict[str, str] = {}
    for position, part in enumerate(rest.split(",") if colon else ()):
        option, equals, value = (each.strip() for each in part.partition("="))
        if not equals and position == 0:
            option, value = "", option
        if not name or not value or (equals and not option) or option in options or (not equals and position):
            raise OptionError(f"cannot read {text!r}", "write name, name:value, or name:option=value,option=value")
        options[option] = value
    return name, options


def named_settings(declared: type[BaseModel], options: Mapping[str, str], owner: str) -> BaseModel:
    """The options of `parse_named`, checked; a value without a name is that of the first option that is declared."""
    first = next(iter(declared.model_fields), "")
    named = {option or first: value for option, value in options.items()}
    if len(named) < len(options):
        raise OptionError(f"{owner} has {first} twice", "give it once")
    return checked_settings(declared, named, "option", owner)


def described_settings(declared: type[BaseModel]) -> list[str]:
    """A line on each: `k=INTEGER, at least 1 (default 1): How many of the largest logits count`."""
    return [_described(name, schema) for name, schema in declared.model_json_schema().get("properties", {}).items()]


def _described(name: str, schema: dict[str, Any]) -> str:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    default = schema.get("default")
    text = f"{name}=" + " or ".join(_kind(kind) for kind in kinds)
    text += f" (default {default})" if default is not None else ""
    return text + (f": {schema['description'].rstrip('.')}" if "description" in schema else "")


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return ", ".join([str(schema.get("type", "text")).replace("string", "text").upper(), *bounds])
