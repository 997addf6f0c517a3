"""Settings that a pydantic class declares, such as a model's options or a protocol's: validated, with one manner of error.

What has a name and settings is written in one grammar everywhere: `name:option=value,option=value` (`f1:positive=spam`,
`pgd:steps=40,restarts=2`). A comma within a value is written `\\,`. Where it is allowed, the first options may go without
their names: `noise:25` is `noise:sigma=25`. In the name of the user's own data they stand before the path:
`folder:holdout=0.2:PATH`. Several stand between commas or pluses, `pgd:steps=40,restarts=2,other/mifgsm`: a comma before
`option=` goes on with the options. Within a value they are written `\\,` and `\\+`.
"""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import core_schema

from zoo.errors import OptionError, did_you_mean
from zoo.lazy import load_target
from zoo.specs import TaskName

if TYPE_CHECKING:
    from zoo.opening.models import Model

__all__ = [
    "NamedModel",
    "build_named",
    "checked_settings",
    "described_settings",
    "options_of",
    "parse_named",
    "split_named",
    "split_options",
]

T = TypeVar("T", bound=BaseModel)
_BEFORE_A_PATH = re.compile(r"(?P<options>[a-z_]+=[^:/\\]*):(?P<path>.+)", re.DOTALL)
_BETWEEN = re.compile(
    r"""(?<!\\)(?:
    ,(?!\s*[A-Za-z_]\w*=)      # a comma, unless an option follows
    | (?<![0-9][eE])\+         # a plus, unless it is that of 1e+3
)""",
    re.VERBOSE,
)


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
            hint = did_you_mean(name, fields, f"its {kind}s are: {known}")
            raise OptionError(f"{owner} has no {kind} {name!r}", hint)
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


def split_named(text: str) -> tuple[str, ...]:
    """The several `name:option=value,...` of one text, each for `parse_named`."""
    return tuple(part.strip().replace("\\+", "+") for part in _BETWEEN.split(text))


class NamedModel(str):
    """An option's value that names a model, perhaps with options of its own: `robust/pgd:steps=50`.

    A subclass says of which `task` in its class body. Before a run the core finds what is named, and puts its code, options,
    weights and versions into key and record; the entry is then built with values whose `.model` is loaded. Without a run it loads
    when it is first asked for.
    """

    task: ClassVar[TaskName]
    _opened: "Model | None" = None
    _loaded: Any = None

    @property
    def model(self) -> Any:
        """The model, loaded. Raises ZooError where there is none of that name and task, or its options do not fit."""
        if self._loaded is None:
            self._loaded = self.opened().load()
        return self._loaded

    def opened(self) -> "Model":
        """What the core knows of it before it is loaded."""
        if self._opened is None:
            # By its target: what opens models reads their options by this module.
            self._opened = load_target("zoo.opening.composing:open_part")(self, self.task)
        return self._opened

    def loaded(self) -> Self:
        """The same with a model of its own, loaded now."""
        same = type(self)(self)
        same._opened, same._loaded = self._opened, self.opened().load()
        return same

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        def read(value: Any) -> "NamedModel":
            if not isinstance(value, str):
                raise ValueError("must be the name of a model")
            return value if isinstance(value, cls) else cls(value)

        return core_schema.no_info_plain_validator_function(read, json_schema_input_schema=core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string"}


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


def split_options(declared: type[T], rest: str, namespace: str) -> tuple[T, str]:
    """The options at the beginning of what stands behind `NAMESPACE:`, by their defaults where there are none; and the path.

    Raises OptionError for one that is not declared or does not fit.
    """
    written = _BEFORE_A_PATH.fullmatch(rest)
    values: dict[str, str] = {}
    for part in written["options"].split(",") if written else ():
        name, equals, value = part.partition("=")
        if not equals or name in values:
            raise OptionError(
                f"cannot read {part!r} among the options of {namespace}:", f"write {namespace}:option=value,...:PATH"
            )
        values[name] = value
    checked = checked_settings(declared, values, "option", f"{namespace}:")
    assert isinstance(checked, declared)
    return checked, written["path"] if written else rest


def options_of(declared: type[T], name: str) -> T:
    """The options in the full name of a dataset, as `split_options` reads them."""
    namespace, _, rest = name.partition(":")
    return split_options(declared, rest, namespace)[0]


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
