"""Types of values on the command line, whose errors read as all of ours do."""

from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from click.shell_completion import CompletionItem

from zoo.errors import OptionError
from zoo.plugins.checking import check_name
from zoo.plugins.entries import Index
from zoo.plugins.index import load_index
from zoo.sweeps.patterns import is_pattern, matching
from zoo_cli.completing import names_of

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

F = TypeVar("F", bound=Callable[..., Any])


class Choice(click.Choice[str]):
    """One of some words; another is answered with the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        error = click.UsageError(f"{_called(param)}: {value!r} is not one of {', '.join(self.choices)}", ctx)
        error.possibilities = get_close_matches(str(value), self.choices)  # type: ignore[attr-defined]
        raise error


class Name(click.ParamType[str]):
    """The name of an entry of one of some kinds, or a pattern; one mistyped is answered here, before anything is imported."""

    name = "name"

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if ctx is None or not ctx.resilient_parsing:
            check_typed(self.kinds, str(value))
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return names_of(*self.kinds)(ctx, param, incomplete)


def check_typed(kinds: Sequence[str], name: str) -> None:
    """Raise UnknownNameError, with candidates, where the index has no such name, or nothing that a pattern matches."""
    if is_pattern(name) and not name.endswith(".py"):
        matching(load_index(), kinds, name)
    else:
        check_name(load_index(), kinds, name)


class Open(Choice):
    """One of our own words, or of those that plugins add, which are looked up in the index when another word is asked for."""

    def __init__(self, own: Sequence[str], added: Callable[[Index], Iterable[str]]) -> None:
        super().__init__(own)
        self.own, self.added = tuple(own), added

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        self._learn(value)
        return super().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        self._learn(incomplete)
        return super().shell_complete(ctx, param, incomplete)

    def _learn(self, value: Any) -> None:
        if value not in self.own:
            self.choices = (*self.own, *self.added(load_index()))


class Kind(Open):
    """A kind of entry, in the plural: one of ours, or one that a plugin adds."""

    def __init__(self, own: Sequence[str]) -> None:
        super().__init__(own, lambda index: (f"{kind}s" for kind in index.kinds))


class AtLeast(click.ParamType[int]):
    """A whole number of at least `least`."""

    name = "integer"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if number < self.least:
            raise click.UsageError(f"{_called(param)}: {value!r} is not a whole number of at least {self.least}", ctx)
        return number


def asked_options(*declared: "type[BaseModel]", without: Collection[str] = ()) -> Callable[[F], F]:
    """An option for each field that has a description, named and bounded as it is declared, but for some."""
    known = [(name, field) for asked in declared for name, field in asked.model_fields.items() if field.description]
    fields = [(name, field) for name, field in known if name not in without]

    def add(command: F) -> F:
        for name, field in reversed(fields):
            command = click.option(f"--{name.replace('_', '-')}", help=field.description, **_form(field))(command)
        return command

    return add


def _form(field: "FieldInfo") -> dict[str, Any]:
    """What click is told of a field, by its type and bounds."""
    default, kinds = field.default, [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not NoneType]
    least = next((bound.ge for bound in field.metadata if hasattr(bound, "ge")), None)
    shown = {"default": default, "show_default": bool(default) or default == 0 != least}
    if kinds == [bool]:
        return {"is_flag": True}
    if words := [word for kind in [field.annotation, *kinds] for word in get_args(kind) if isinstance(word, str)] or (
        [kind for kind in kinds if isinstance(kind, str)]
    ):
        return {"type": Choice(list(dict.fromkeys(words))), **shown}
    if str in kinds and int in kinds:
        return {"metavar": "N|auto", **shown}
    if kinds == [int]:
        return {"type": int if least is None else AtLeast(least), "metavar": "INTEGER" if least is None else "N", **shown}
    if kinds == [float]:
        return {"type": float, "metavar": "SECONDS", **shown}
    return {"type": click.Path() if Path in kinds else str, **shown}


def pairs(option: str, form: str, texts: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    for text in texts:
        if not all(text.partition("=")[:2]):
            raise OptionError(f"cannot read {option} {text!r}", f"write {option} {form}")
    return dict(text.split("=", 1) for text in texts)


def parsed(option: str, form: str, texts: tuple[str, ...]) -> dict[str, Any]:
    """`NAME=VALUE` texts as a mapping of YAML's values: numbers, null, lists."""
    import yaml

    values = {}
    for name, text in pairs(option, form, texts).items():
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise OptionError(f"cannot read {option} {name}={text}: it is no YAML", f"write {option} {form}") from error
    return values


def _called(param: click.Parameter | None) -> str:
    """The parameter as a user knows it: `--limit`, `kind`."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return str(param.name) if param is not None else "value"
