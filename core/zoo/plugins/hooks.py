"""What a plugin offers: its hooks are asked, and every spec that they return is checked and given its full name."""

import re
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import pluggy
from pydantic import TypeAdapter, ValidationError

from zoo import hookspecs
from zoo.specs import KINDS, BareName, Spec

ID = re.compile(r"[a-z][a-z0-9-]*")
BARE_NAME = TypeAdapter(BareName)


class InvalidOfferError(Exception):
    """What a hook returned is not a list of what it should return."""


def manager(modules: Iterable[tuple[str, ModuleType]]) -> pluggy.PluginManager:
    """A pluggy manager with our hookspecs and these plugins. Raises PluginValidationError on a wrong or misspelt hook."""
    made = pluggy.PluginManager("zoo")
    made.add_hookspecs(hookspecs)
    for plugin_id, module in modules:
        made.register(module, name=plugin_id)
    made.check_pending()
    return made


def named_specs(plugin_id: str, asked: Any) -> tuple[tuple[str, Spec], ...]:
    """The specs of all hooks as (kind, spec), under full names."""
    found: dict[tuple[str, str], Spec] = {}
    for kind in KINDS:
        hook = f"zoo_{kind}s"
        for returned in getattr(asked, hook)():
            for spec in _list(returned, hook):
                checked = _checked(plugin_id, kind, spec)
                if (kind, checked.name) in found:
                    raise InvalidOfferError(f"two {kind}s are named {spec.name!r}")
                found[kind, checked.name] = checked
    return tuple((kind, spec) for (kind, _), spec in found.items())


def reserved_namespaces(plugin_id: str, asked: Any) -> tuple[str, ...]:
    """The namespaces that the plugin reserves beside its own id, which stays that of its specs."""
    names = tuple(name for returned in asked.zoo_namespaces() for name in _list(returned, "zoo_namespaces"))
    for name in names:
        if not isinstance(name, str) or not ID.fullmatch(name):
            raise InvalidOfferError(f"namespace {name!r} is not of the form [a-z][a-z0-9-]*")
        if name == plugin_id:
            raise InvalidOfferError(f"namespace {name!r} is the plugin's own id, under which its specs stand")
    return names


def _checked(plugin_id: str, kind: str, spec: Any) -> Spec:
    """The spec under its full name, once through JSON and validation: so it can be indexed and read back."""
    spec_class = KINDS[kind]
    if not isinstance(spec, spec_class):
        raise InvalidOfferError(f"hook zoo_{kind}s must return {spec_class.__name__}, not {type(spec).__name__}")
    try:
        BARE_NAME.validate_python(spec.name)
        values = spec.model_dump(mode="json", warnings=False)
    except ValidationError:
        raise InvalidOfferError(f"{kind} name {spec.name!r} is not of lower-case letters, digits, '.', '_', '-'") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidOfferError(f"{kind} {spec.name!r} holds what is not JSON: {error}") from error
    return spec_class.model_validate({**values, "name": f"{plugin_id}/{spec.name}"})


def _list(returned: Any, hook: str) -> Sequence[Any]:
    if not isinstance(returned, (list, tuple)):
        raise InvalidOfferError(f"hook {hook} must return a list, not {type(returned).__name__}")
    return returned
