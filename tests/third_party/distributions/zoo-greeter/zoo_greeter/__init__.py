"""Adds a command."""

from zoo import hookimpl
from zoo.specs import CommandSpec


@hookimpl
def zoo_commands():
    return [CommandSpec(name="greet", summary="Greet somebody by name.", target="zoo_greeter.command:greet")]
