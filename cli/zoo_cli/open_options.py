"""`--NAME VALUE` of names that a command learns of only when it runs: a model's options, a protocol's settings, other models."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError, did_you_mean
from zoo_cli.groups import Command

if TYPE_CHECKING:
    from zoo.runs.overrides import Names

UNKNOWN = "zoo_cli.open_options"
"""Where a context keeps the pairs that its command does not know itself."""


class OpenCommand(Command):
    """A command that leaves `--NAME VALUE` of names that are not its own for `named_settings` to sort."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name: param for param in self.get_params(ctx) if isinstance(param, click.Option) for name in _names_of(param)}
        known, unknown = _split(args, own)
        ctx.meta[UNKNOWN] = unknown
        try:
            rest = super().parse_args(ctx, known)
            if unknown and not ctx.resilient_parsing:
                _check_models(unknown)
            return rest
        except click.MissingParameter as error:
            if unknown:  # its value may be the very argument that is missing
                raise _no_such_option(unknown[0][0], own, command=ctx.command_path) from error
            raise


def named_options(ctx: click.Context, model: str, task: str) -> dict[str, str]:
    """The pairs that a command left which runs no benchmark: options of the model. Raises OptionError."""
    return named_settings(ctx, model, None, task, benchmarked=False)["options"]


def named_settings(
    ctx: click.Context, model: str, benchmark: str | None, task: str | None = None, *, benchmarked: bool = True
) -> dict[str, dict[str, str]]:
    """The pairs that the command left, as `options`, `protocol` and `aux` of `zoo.evaluate`. Raises OptionError."""
    found: dict[str, dict[str, str]] = {"options": {}, "protocol": {}, "aux": {}}
    if not ctx.meta[UNKNOWN]:
        return found
    import zoo
    from zoo.runs.overrides import settable

    names = settable(zoo.registry(), model, benchmark, task)
    if not benchmarked:
        names = replace(names, protocol=(), aux=())
    for name, value in ctx.meta[UNKNOWN]:
        key = name.removeprefix("--").replace("-", "_")
        kind = next((kind for kind in found if key in getattr(names, kind)), None)
        if kind is None:
            own = [opt for param in ctx.command.params if isinstance(param, click.Option) for opt in _names_of(param)]
            raise _no_such_option(name, own, names, ctx.command_path)
        if value is None:
            raise OptionError(f"option {name!r} needs a value", f"write {name} VALUE")
        found[kind][key] = value
    return found


def _check_models(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Raise UnknownNameError where another model is named, in a role that a benchmark has, that there is not."""
    from zoo.plugins.index import load_index
    from zoo_cli.types import check_typed

    roles = {role for entry in load_index().select("benchmark") for role in entry["spec"]["aux"]}
    for name, value in pairs:
        if value is not None and name.removeprefix("--").replace("-", "_") in roles:
            check_typed(("model",), value)


def named_of_many(ctx: click.Context, settable: "Callable[[], Sequence[Names]]") -> dict[str, dict[str, str]]:
    """The same of several runs: a name goes to all kinds that one of them has it of. Raises OptionError where none has it."""
    found: dict[str, dict[str, str]] = {"options": {}, "protocol": {}, "aux": {}}
    names = settable() if ctx.meta[UNKNOWN] else ()
    for name, value in ctx.meta[UNKNOWN]:
        key = name.removeprefix("--").replace("-", "_")
        kinds = [kind for kind in found if any(key in getattr(one, kind) for one in names)]
        if not kinds:
            own = [opt for param in ctx.command.params if isinstance(param, click.Option) for opt in _names_of(param)]
            every = [tuple(dict.fromkeys(known for one in names for known in getattr(one, kind))) for kind in found]
            raise _no_such_option(name, own, type(names[0])(*every) if names else None, ctx.command_path)
        if value is None:
            raise OptionError(f"option {name!r} needs a value", f"write {name} VALUE")
        for kind in kinds:
            found[kind][key] = value
    return found


def refuse_named(ctx: click.Context) -> None:
    """Raise OptionError where there are such pairs, and nothing that they could be of."""
    for name, _ in ctx.meta[UNKNOWN]:
        own = [opt for param in ctx.command.params if isinstance(param, click.Option) for opt in _names_of(param)]
        raise _no_such_option(name, own, command=ctx.command_path)


def _split(args: Sequence[str], own: dict[str, click.Option]) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Arguments that the command knows, and pairs of those long options that it does not."""
    known: list[str] = []
    unknown: list[tuple[str, str | None]] = []
    rest = list(args)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if argument == "--":
            return [*known, argument, *rest], unknown
        if not name.startswith("--") or name in own:
            known.append(argument)
            if name in own and not equals and not own[name].is_flag and rest:
                known.append(rest.pop(0))
        elif equals:
            unknown.append((name, value))
        else:
            unknown.append((name, None if not rest or rest[0].startswith("--") else rest.pop(0)))
    return known, unknown


def _no_such_option(name: str, own: Iterable[str], names: "Names | None" = None, command: str = "zoo run") -> OptionError:
    kinds: tuple[tuple[str, Any], ...] = ()
    if names is not None:
        kinds = (("the model", names.options), ("the benchmark", (*names.protocol, *names.aux)))
    flags = {what: [f"--{key.replace('_', '-')}" for key in keys] for what, keys in kinds}
    known = [*(flag for keys in flags.values() for flag in keys), *own]
    takes = [f"{what} takes {', '.join(keys)};" for what, keys in flags.items() if keys]
    hint = did_you_mean(name, known, " ".join([*takes, f"see {command} --help"]))
    return OptionError(f"no such option {name!r}", hint)


def _names_of(option: click.Option) -> list[str]:
    return [*option.opts, *option.secondary_opts]
