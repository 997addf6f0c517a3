"""Commands that plugins add: found in the index, imported when they are invoked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from zoo.plugins.entries import Entry, plugin_title
from zoo.plugins.index import load_index
from zoo_cli.errors import CommandFailedError
from zoo_cli.groups import LazyGroup


class OpenGroup(LazyGroup):
    """A lazy group to whose own commands plugins add theirs; its own win.

    Where a name is taken, by us or by two plugins, each is there under its full name: `zoo PLUGIN/COMMAND`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or plugin_command(cmd_name)

    def summaries(self) -> dict[str, str]:
        own = super().summaries()
        return own | added_commands(own)


def added_commands(taken: Iterable[str]) -> dict[str, str]:
    """Names to type of the commands that plugins add, each with its line of help: bare ones, full ones where `taken`."""
    entries = list(load_index().select("command"))
    uses = Counter([*taken, *map(_bare, entries)])
    return {_bare(entry) if uses[_bare(entry)] == 1 else entry["name"]: entry["spec"]["summary"] for entry in entries}


def plugin_command(name: str) -> click.Command | None:
    """The command of a bare or full name, None where no plugin has it. Raises AmbiguousNameError where several have."""
    index = load_index()
    if not any(name in (entry["name"], _bare(entry)) for entry in index.select("command")):
        return None
    entry = index.entry("command", name)
    plugin = next(plugin for plugin in index.plugins if plugin["id"] == entry["plugin"] and plugin["state"] == "ok")

    def hand_over(arguments: tuple[str, ...]) -> int:
        return _invoke(entry["spec"], list(arguments), f"zoo {name}", plugin_title(plugin))

    return click.Command(
        name,
        callback=hand_over,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
    )


def _invoke(spec: Mapping[str, Any], arguments: Sequence[str], prog_name: str, who: str) -> int:
    """Import the command and run it to its exit code; a whole number that it returns is that."""
    from zoo.errors import PluginError, ZooError
    from zoo.lazy import load_target
    from zoo.plugins.blame import blamed, in_plugin
    from zoo.requirements import check_requirements
    from zoo.specs import CommandSpec

    with in_plugin(spec["name"], prog_name):
        check_requirements(CommandSpec.model_validate(spec), PluginError)
        command = _as_command(load_target(spec["target"]))
    try:
        with command.make_context(prog_name, list(arguments)) as context:  # Typer's `main` would swallow a KeyboardInterrupt
            code = command.invoke(context)
    except (ZooError, click.Abort):
        raise
    except BaseException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click's, or that of Typer's copy
            click.echo(str(error))
            return 0
        if isinstance(error, click.ClickException):
            raise
        if type(error).__name__ == "Exit":
            return int(getattr(error, "exit_code", 0))
        _raise_as_click(error)
        if told := blamed(error, spec["name"], prog_name):
            raise told from error
        if not isinstance(error, Exception):  # Ctrl-C
            raise
        raise CommandFailedError(who) from error
    return code if isinstance(code, int) else 0


def _raise_as_click(error: BaseException) -> None:
    """Raise what Typer means by an error: it brings a copy of click, whose errors are of classes that it does not publish."""
    import typer

    if isinstance(error, typer.Abort):
        raise click.Abort from error
    if hasattr(error, "format_message"):
        raise click.UsageError(error.format_message(), getattr(error, "ctx", None)) from error


def _as_command(target: Any) -> Any:
    """A click command as it is; a Typer app, or a function whose parameters Typer reads, as one of Typer's."""
    if isinstance(target, click.Command):
        return target
    import typer
    from typer.main import get_command

    app = target
    if not isinstance(target, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command()(target)
    return get_command(app)


def _bare(entry: Entry) -> str:
    return str(entry["name"].partition("/")[2])
