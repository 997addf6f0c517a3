"""Commands and groups: imported when they are invoked, and with examples at the end of their help."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from zoo.wording import harmless
from zoo_cli.columns import wrapped
from zoo_cli.outlet import strangers_aside

_UNBROKEN = "\u2011"
"""A hyphen at which no line is broken."""


class WholeWords(click.HelpFormatter):
    """Help in which no line is broken at a hyphen, as that of `--older-than` is one."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **settings: Any) -> None:
        super().write_dl([(first, second.replace("-", _UNBROKEN)) for first, second in rows], *args, **settings)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args.replace("-", _UNBROKEN), prefix)

    def getvalue(self) -> str:
        return harmless(super().getvalue().replace(_UNBROKEN, "-"))


class Context(click.Context):
    """A context whose help breaks no word."""

    formatter_class = WholeWords


class Command(click.Command):
    """A command whose help ends in examples."""

    context_class = Context

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what code of others prints meanwhile is no part of its result."""
        with strangers_aside():
            return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class LazyGroup(click.Group):
    """A group that knows of each command only where it is (`module:attribute`) and one line of help.

    So `zoo list` does not pay for what `zoo run` imports. Click is used directly because Typer imports pydantic to
    parse the first option, which takes longer than the whole of `zoo list`.
    """

    context_class = Context

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, examples: tuple[str, ...] = (), **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.lazy = dict(lazy or {})
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands by their names and help alone, and the group's own options."""
        found = {name: help_ for name, help_ in self.summaries().items() if name.startswith(incomplete)}
        return [CompletionItem(name, help=harmless(help_)) for name, help_ in found.items()] + click.Command.shell_complete(
            self, ctx, incomplete
        )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise NoSuchCommand(args[0], self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["--help"])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries().items()))

    def summaries(self) -> dict[str, str]:
        """Each command with its one line of help, none of them imported."""
        lazy = {name: help_ for name, (_, help_) in self.lazy.items()}
        return lazy | {name: command.get_short_help_str(80) for name, command in self.commands.items()}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class CommandWithMore(LazyGroup):
    """A command of its own, of which some words as the first argument make another: `zoo results`, `zoo results export`."""

    allow_extra_args = False
    allow_interspersed_args = True

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, invoke_without_command=True, **settings)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in self.lazy:
            command = self.get_command(click.Context(self), args[0])
            assert command is not None
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        return click.Command.invoke(self, ctx)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return click.Command.collect_usage_pieces(self, ctx)


class NoSuchCommand(click.UsageError):
    """There is no such command; `possibilities` are near."""

    def __init__(self, name: str, names: list[str], ctx: click.Context) -> None:
        from difflib import get_close_matches

        super().__init__(f"no such command {name!r}", ctx)
        self.possibilities = get_close_matches(name, names)


def write_examples(examples: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    """The section that every help ends with."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                first, *others = wrapped(example, formatter.width - formatter.current_indent - 4)
                formatter.write(f"{'':{formatter.current_indent}}{first}\n")
                for other in others:
                    formatter.write(f"{'':{formatter.current_indent + 4}}{other}\n")
