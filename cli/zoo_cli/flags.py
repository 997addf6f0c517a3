"""What the core calls a parameter is a flag here: an error that speaks of `limit` is told as one of --limit.

Messages name parameters between backticks, as Python calls them: `limit`, `batch_size=1`, and a part of a mapping that a function
takes as `protocol.window=64`.
"""

import re
import shlex
from collections.abc import Collection
from traceback import walk_tb
from typing import Any

import click
from click.core import ParameterSource

from zoo_cli.open_options import OpenCommand

NAMED = re.compile(r"`(?P<name>[a-z_]+)(?:\.(?P<part>[a-z_.]+))?(?:=(?P<value>[^`]*))?`")
OPEN = ("options", "protocol", "aux")
"""Mappings of which an open command takes every part as an option of its own."""


def running_command(error: BaseException) -> Any:
    """The innermost command that was running when an error was raised, click's or of Typer's copy of it; None for none."""
    contexts = (frame.f_locals.get("ctx") for frame, _ in walk_tb(error.__traceback__))
    return next((ctx.command for ctx in reversed([*contexts]) if hasattr(ctx, "command")), None)


def with_flags(text: str, command: Any) -> str:
    """The text with a command's flags in the place of its parameters. What is none of them stays as it is."""
    return NAMED.sub(lambda found: _flag(command, **found.groupdict()) or found[0], text)


def _flag(command: Any, name: str, part: str | None, value: str | None) -> str:
    if part and name in OPEN and isinstance(command, OpenCommand):
        return _written(f"--{part.replace('_', '-')}", value)
    names = (name, f"{name}s")  # of one that may be given several times
    option = next((one for one in getattr(command, "params", ()) if one.name in names and one.param_type_name == "option"), None)
    if option is None:
        return ""
    return _written(max(option.opts, key=len), f"{part}={value}" if part else value)


def _written(flag: str, value: str | None) -> str:
    return flag if value is None else f"{flag} {shlex.quote(value)}"


def refuse_given(why: str, names: Collection[str]) -> None:
    """Raise UsageError where one of these parameters of the command that runs was given on its line."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{why}: leave out {max(parameter.opts, key=len)}")


def warned(message: object) -> str:
    """A warning, told as an error is, by the flags of the command that runs now."""
    context = click.get_current_context(silent=True)
    return with_flags(str(message), context.command if context is not None else None)
