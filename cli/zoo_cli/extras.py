"""Commands that plugins add: found in the index, imported when they are invoked."""

from typing import Any

import click

from zoo.index import load_index
from zoo_cli.groups import LazyGroup


class OpenGroup(LazyGroup):
    """A lazy group to whose own commands plugins add theirs; its own win."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or plugin_command(cmd_name)

    def summaries(self) -> dict[str, str]:
        own = super().summaries()
        added = {entry["name"].rpartition("/")[2]: entry["spec"]["summary"] for entry in load_index().select("command")}
        return own | {name: help_ for name, help_ in added.items() if name not in own}


def plugin_command(name: str) -> click.Command | None:
    """The command of a bare name, None where no plugin has it. Raises AmbiguousNameError where several have."""
    index = load_index()
    if name not in {entry["name"].rpartition("/")[2] for entry in index.select("command")}:
        return None
    target = index.entry("command", name)["spec"]["target"]

    def hand_over(arguments: tuple[str, ...]) -> Any:
        import typer

        from zoo.targets import load_target

        command = load_target(target)
        if not isinstance(command, typer.Typer):
            function, command = command, typer.Typer(add_completion=False)
            command.command()(function)
        return command(list(arguments), prog_name=f"zoo {name}")

    return click.Command(
        name,
        callback=hand_over,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
    )
