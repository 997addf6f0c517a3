"""The public surface, read from the code: what plugins and scripts may count on, as JSON values and as the guide's tables."""

import dataclasses
import importlib
import inspect
import re
from typing import Any

import click
from pydantic import BaseModel

from zoo import hookspecs, specs, testing
from zoo.testing.faces import public_modules
from zoo_cli.app import zoo as command_line

BASES = (specs.Frozen, specs.DeeplyFrozen, specs.Spec)
SPECS: dict[str, type[BaseModel]] = {
    name: value
    for name, value in vars(specs).items()
    if isinstance(value, type) and issubclass(value, specs.Frozen) and value not in BASES
}
HOOKS = {name: value for name, value in vars(hookspecs).items() if name.startswith("zoo_")}
CALLED = ("__init__", "__call__", "__getitem__", "__len__", "__iter__")
"""Methods between underscores that others call or write."""


def surface() -> dict[str, Any]:
    """Everything public, by part: every name that a plugin or script may import, down to fields, signatures and defaults."""
    return {
        "modules": {name: _module(name) for name in public_modules()},
        "checks": sorted(testing.CHECKS),
        "hooks": {name: list(inspect.signature(hook).parameters) for name, hook in sorted(HOOKS.items())},
        "commands": dict(sorted(_commands("zoo", command_line))),
    }


def _module(name: str) -> dict[str, Any]:
    module = importlib.import_module(name)
    return {public: _thing(getattr(module, public)) for public in sorted(module.__all__)}


def _thing(value: Any) -> Any:
    """What others may count on of a public class, function or constant."""
    if not isinstance(value, type):
        return _signature(value) if inspect.isfunction(value) else _text(value)
    if issubclass(value, BaseModel):
        fields = {name: f"{_type(info.annotation)}{_default(info)}" for name, info in value.model_fields.items()}
    elif dataclasses.is_dataclass(value):
        fields = {f.name: f"{_type(f.type)}{_default_of(f)}" for f in dataclasses.fields(value) if not f.name.startswith("_")}
    else:
        fields = {name: _type(kind) for name, kind in inspect.get_annotations(value).items() if not name.startswith("_")}
    generated = dataclasses.is_dataclass(value) or issubclass(value, (BaseModel, tuple))
    members = {
        name: _member(member)
        for base in reversed(value.__mro__)
        if base.__module__.startswith("zoo")
        for name, member in vars(base).items()
        if (not name.startswith("_") or (name in CALLED and not generated)) and name not in fields and _is_own(member)
    }
    return {"is": " ".join(base.__name__ for base in value.__bases__), **fields, **members}


def _is_own(member: Any) -> bool:
    return isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)


def _member(member: Any) -> str:
    if isinstance(member, property):
        return "property"
    return _signature(getattr(member, "__func__", member))


def _signature(function: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(function)))


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(info: Any) -> str:
    return "" if info.is_required() else f" = {_text(info.get_default(call_default_factory=True))}"


def _default_of(field: Any) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f" = {field.default_factory.__name__}()"
    return "" if field.default is dataclasses.MISSING else f" = {_text(field.default)}"


def _text(value: Any) -> str:
    """A value in words that are the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def reference() -> str:
    """Hooks and specs as Markdown, for the guide."""
    lines = ["### Hooks", "", "| hook | what it returns or is told |", "|---|---|"]
    for name, hook in HOOKS.items():
        lines.append(f"| `{name}({', '.join(inspect.signature(hook).parameters)})` | {_cell(inspect.getdoc(hook) or '')} |")
    for name, cls in SPECS.items():
        lines += ["", f"### {name}", "", _cell(inspect.getdoc(cls) or ""), "", "| field | |", "|---|---|"]
        lines += [f"| `{field}` | {_cell(_described(info))} |" for field, info in cls.model_fields.items()]
    return "\n".join(lines) + "\n"


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
