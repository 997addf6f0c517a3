"""Settings that a pydantic class declares, such as a model's options or a protocol's: validated, with one manner of error.

What has a name and settings is written in one grammar everywhere: `name:option=value,option=value` (`f1:positive=spam`,
`pgd:steps=40,restarts=2`). A comma within a value is written `\\,`. Where it is allowed, the first options may go without
their names: `noise:25` is `noise:sigma=25`.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from zoo.errors import OptionError

__all__ = ["build_named", "checked_settings", "described_settings", "parse_named"]


def checked_settings(
    declared: type[BaseModel], values: Mapping[str, Any], kind: str, owner: str, fixed: Mapping[str, Any] | None = None
) -> BaseModel:
    """The settings, completed by their defaults. `kind` ("option") and `owner` (a name) are for the error; `fixed` are no choice.

    Raises OptionError for a name that is not declared, with the nearest one, and for a value that does not fit.
    """
    fields = [name for name in declared.model_fields if name not in (fixed or {})]
    known = ", ".join(fields) or "none"
    for name in values:
        if name not in fields:
            near = get_close_matches(name, fields)
            did_you_mean = f"did you mean {' or '.join(near)}? " if near else ""
            raise OptionError(f"{owner} has no {kind} {name!r}", f"{did_you_mean}its {kind}s are: {known}")
    try:
        return declared.model_validate({**values, **(fixed or {})})
    except ValidationError as error:
        first = error.errors()[0]
        where, message = ".".join(map(str, first["loc"])), str(first["msg"]).removeprefix("Value error, ")
        raise OptionError(f"{kind} {where} of {owner}: {message}, not {first['input']!r}", f"its {kind}s are: {known}") from error


class Named(NamedTuple):
    """What is written as `name:option=value`: values stay text, and `bare` are those without a name, in order."""

    name: str
    options: dict[str, str]
    bare: tuple[str, ...] = ()


def parse_named(text: str, kind: str, example: str, *, bare: bool = False) -> Named:
    """Read the grammar above. `kind` ("metric") and `example` are for the error, an OptionError; `bare` allows bare values."""
    hint = f"write it as name or name:option=value,option=value, for example {example}"
    name, colon, rest = text.partition(":")
    options: dict[str, str] = {}
    values: list[str] = []
    for part in re.split(r"(?<!\\),", rest) if colon else ():
        key, equals, value = part.replace("\\,", ",").partition("=")
        if not equals and key and bare and not options:
            values += key.split(":")
        elif not (equals and key.isidentifier() and value) or key in options:
            raise OptionError(f"cannot read {kind} {text!r}", hint)
        else:
            options[key] = value
    if not name:
        raise OptionError(f"cannot read {kind} {text!r}: it has no name", hint)
    return Named(name, options, tuple(values))


def build_named(text: str, known: Mapping[str, type[BaseModel]], kind: str) -> BaseModel:
    """The settings class of the name with the options that the text gives it, the first perhaps without their names.

    Raises OptionError where the name is none of `known`, or its options do not fit.
    """
    name, options, values = parse_named(text, kind, f"{next(iter(known))}:option=value", bare=True)
    if name not in known:
        raise OptionError(f"there is no {kind} {name!r}", f"there are: {', '.join(known)}")
    fields = list(known[name].model_fields)
    if len(values) > len(fields):
        raise OptionError(f"{kind} {text!r} has {len(values)} values", f"its options are: {', '.join(fields) or 'none'}")
    first = dict(zip(fields, values, strict=False))
    if twice := first.keys() & options.keys():
        raise OptionError(f"{kind} {text!r} gives {', '.join(sorted(twice))} twice", "give it once")
    return checked_settings(known[name], {**first, **options}, "option", name)


def described_settings(declared: type[BaseModel], fixed: Collection[str] = ()) -> list[str]:
    """A line on each but those that are fixed: `k=INTEGER, at least 1 (default 1): How many of the largest logits count`."""
    schemas = declared.model_json_schema().get("properties", {})
    return [_described(name, schema) for name, schema in schemas.items() if name not in fixed]


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
