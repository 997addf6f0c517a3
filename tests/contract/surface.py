"""The public surface, read from the code: what plugins and scripts may count on, as JSON values and as the guide's tables."""

import inspect
from typing import Any

import click
from pydantic import BaseModel

import zoo
from zoo import hookspecs, specs, testing
from zoo_cli.app import zoo as command_line

SPECS: dict[str, type[BaseModel]] = {
    name: value
    for name, value in vars(specs).items()
    if isinstance(value, type) and issubclass(value, specs.Frozen) and value not in (specs.Frozen, specs.Spec)
}
HOOKS = {name: value for name, value in vars(hookspecs).items() if name.startswith("zoo_")}


def surface() -> dict[str, Any]:
    """Everything public, by part."""
    return {
        "zoo": sorted(zoo.__all__),
        "zoo.testing": {"names": sorted(testing.__all__), "checks": sorted(testing.CHECKS)},
        "hooks": {name: list(inspect.signature(hook).parameters) for name, hook in sorted(HOOKS.items())},
        "specs": {name: {field: _field(info) for field, info in cls.model_fields.items()} for name, cls in sorted(SPECS.items())},
        "commands": dict(sorted(_commands("zoo", command_line))),
    }


def reference() -> str:
    """Hooks and specs as Markdown, for the guide."""
    lines = ["### Hooks", "", "| hook | what it returns or is told |", "|---|---|"]
    for name, hook in HOOKS.items():
        lines.append(f"| `{name}({', '.join(inspect.signature(hook).parameters)})` | {_cell(inspect.getdoc(hook) or '')} |")
    for name, cls in SPECS.items():
        lines += ["", f"### {name}", "", _cell(inspect.getdoc(cls) or ""), "", "| field | |", "|---|---|"]
        lines += [f"| `{field}` | {_cell(_described(info))} |" for field, info in cls.model_fields.items()]
    return "\n".join(lines) + "\n"


def _field(info: Any) -> str:
    return "required" if info.is_required() else "optional"


def _described(info: Any) -> str:
    """`Required. What it is.`, or what it is with the default, where that says something."""
    if info.is_required():
        return f"Required. {info.description}"
    default = info.get_default(call_default_factory=True)
    shown = f" Default: `{default!r}`." if default not in (None, (), "", {}) and not isinstance(default, BaseModel) else ""
    return f"{info.description}{shown}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _commands(path: str, command: click.Command) -> list[tuple[str, list[str]]]:
    """Every command of ours with its parameters, arguments in capitals; what plugins add is theirs."""
    context = click.Context(command)
    names = [
        parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)
        for parameter in command.params
    ]
    found = [(path, sorted(names))]
    if isinstance(command, click.Group):
        own = [*getattr(command, "lazy", ()), *command.commands]
        for name in own:
            child = command.get_command(context, name)
            assert child is not None
            found += _commands(f"{path} {name}", child)
    return found
