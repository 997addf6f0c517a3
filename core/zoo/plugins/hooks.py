"""What a plugin offers: its hooks are asked, and every spec that they return is checked and given its full name.

A plugin may declare kinds of entry of its own (`SpecKind`); the hook of such a kind is then valid for every plugin.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from pydantic import TypeAdapter, ValidationError

from zoo import hookspecs
from zoo.lazy import load_target
from zoo.specs import KINDS, BareName, ModalitySpec, Spec, SpecKind, TaskSpec
from zoo.tasks.by_name import unknown_word
from zoo.tasks.declared import MODALITIES, TASK_SPECS

ADDRESSES = frozenset(("http", "https", "ftp", "file", "s3", "gs", "az", "abfs", "memory", "ssh", "git"))
"""Schemes of addresses, by which names of data and weights may begin."""
OWN = frozenset(("local",))
"""What records call a network or data of the user's own."""
ID = re.compile(r"[a-z][a-z0-9-]*")
BARE_NAME = TypeAdapter(BareName)
SPOKEN = ("model", "dataset", "metric", "benchmark", "recipe")
"""Kinds whose specs name tasks and modalities; one that a plugin declares may mean something else by these words."""
W = TypeVar("W", TaskSpec, ModalitySpec)


class InvalidOfferError(Exception):
    """What a hook returned is not a list of what it should return."""


def manager(modules: Iterable[tuple[str, ModuleType]], kinds: Collection[str] = ()) -> pluggy.PluginManager:
    """A pluggy manager with our hookspecs, those of `kinds`, and these plugins. Raises PluginValidationError on a wrong hook.

    A misspelt one is found by its `check_pending`, which needs the kinds that all plugins declare.
    """
    made = pluggy.PluginManager("zoo")
    made.add_hookspecs(hookspecs)
    if hooks := {f"zoo_{kind}s": _hook_of_kind(kind) for kind in kinds if kind not in KINDS}:
        made.add_hookspecs(type("HooksOfKinds", (), hooks))
    for plugin_id, module in modules:
        made.register(module, name=plugin_id)
    return made


def declared_kinds(asked: Any) -> tuple[SpecKind, ...]:
    """The kinds of entry that the plugin adds. The class of each is there, and its hook is none of the core's."""
    kinds = tuple(kind for returned in _returned(asked, "zoo_spec_kinds") for kind in _list(returned, "zoo_spec_kinds"))
    names = [kind.name if isinstance(kind, SpecKind) else "" for kind in kinds]
    for kind, name in zip(kinds, names, strict=True):
        if not isinstance(kind, SpecKind):
            raise InvalidOfferError(f"hook zoo_spec_kinds must return SpecKind, not {type(kind).__name__}")
        if hasattr(hookspecs, f"zoo_{name}s"):
            raise InvalidOfferError(f"it declares the kind {name!r}, whose hook zoo_{name}s is the core's own")
        if names.count(name) > 1:
            raise InvalidOfferError(f"it declares the kind {name!r} twice")
    spec_classes(kinds)
    return kinds


def declared_words(asked: Any) -> tuple[tuple[TaskSpec, ...], tuple[ModalitySpec, ...]]:
    """The tasks and modalities that the plugin adds, none of which is the core's own."""
    tasks = _declared(asked, "zoo_tasks", TaskSpec, "task", TASK_SPECS)
    return tasks, _declared(asked, "zoo_modalities", ModalitySpec, "modality", MODALITIES)


def _declared(asked: Any, hook: str, of: type[W], what: str, core: Collection[str]) -> tuple[W, ...]:
    """What a hook declares, by names that the core has not."""
    found: dict[str, W] = {}
    for spec in (spec for returned in _returned(asked, hook) for spec in _list(returned, hook)):
        if not isinstance(spec, of):
            raise InvalidOfferError(f"hook {hook} must return {of.__name__}, not {type(spec).__name__}")
        if spec.name in core:
            raise InvalidOfferError(f"it declares the {what} {spec.name!r}, which is the core's own")
        if spec.name in found:
            raise InvalidOfferError(f"it declares the {what} {spec.name!r} twice")
        found[spec.name] = spec
    return tuple(found.values())


@dataclass(frozen=True)
class Words:
    """Names of all tasks and modalities that there are: the core's, and those that plugins declare."""

    tasks: tuple[str, ...] = tuple(TASK_SPECS)
    modalities: tuple[str, ...] = tuple(MODALITIES)

    def and_of(self, tasks: Iterable[str], modalities: Iterable[str]) -> "Words":
        """These, and others."""
        return Words((*self.tasks, *tasks), (*self.modalities, *modalities))

    def unknown_in(self, kind: str, values: Mapping[str, Any]) -> str:
        """What a spec of a kind, by its fields, names that nobody declares, as a sentence; empty where it names no such thing."""
        if kind not in SPOKEN:
            return ""
        tasks = [*values.get("tasks", ()), *(values.get("parts") or {}).values(), *filter(None, [values.get("task")])]
        modalities = filter(None, [values.get("modality")])
        for what, named, known in (("task", tasks, self.tasks), ("modality", modalities, self.modalities)):
            if unknown := [name for name in named if name not in known]:
                return f"{kind} {values['name']!r} names the {what} {unknown_word(unknown[0], known)}"
        return ""


def spec_classes(kinds: Iterable[SpecKind]) -> dict[str, type[Spec]]:
    """The class of the specs of every kind: the core's, and these."""
    found = dict(KINDS)
    for kind in kinds:
        found[kind.name] = load_target(kind.spec)
        if not (isinstance(found[kind.name], type) and issubclass(found[kind.name], Spec)):
            raise InvalidOfferError(f"{kind.spec!r}, the class of the kind {kind.name!r}, is no subclass of zoo.specs.Spec")
    return found


def named_specs(plugin_id: str, asked: Any, classes: Mapping[str, type[Spec]] = KINDS) -> tuple[tuple[str, Spec], ...]:
    """The specs of the hooks of all kinds, whose `classes` these are, as (kind, spec) under full names."""
    found: dict[tuple[str, str], Spec] = {}
    for kind, spec_class in classes.items():
        hook = f"zoo_{kind}s"
        for returned in _returned(asked, hook):
            for spec in _list(returned, hook):
                checked = _checked(plugin_id, kind, spec_class, spec)
                if (kind, checked.name) in found:
                    raise InvalidOfferError(f"two {kind}s are named {spec.name!r}")
                found[kind, checked.name] = checked
    return tuple((kind, spec) for (kind, _), spec in found.items())


def shadowed(name: str) -> str:
    """What a name that begins so means already, whoever is installed; empty where it means nothing."""
    if len(name) == 1:
        return "would stand for a drive of Windows"
    if name in ADDRESSES:
        return "would stand for addresses"
    return "stands for models and data of the user's own" if name in OWN else ""


def reserved_namespaces(plugin_id: str, asked: Any) -> tuple[str, ...]:
    """The namespaces that the plugin reserves beside its own id, which stays that of its specs."""
    names = tuple(name for returned in _returned(asked, "zoo_namespaces") for name in _list(returned, "zoo_namespaces"))
    _check_namespaces(plugin_id, names)
    return names


def checked_offer(plugin_id: str, offer: Mapping[str, Any], classes: Mapping[str, type[Spec]]) -> None:
    """Raise InvalidOfferError or ValidationError where an offer as JSON values is not what hooks could have said."""
    _check_namespaces(plugin_id, offer["namespaces"])
    for kind, values in offer["offered"]:
        name = classes[kind].model_validate(values).name
        if name.partition("/")[0] != plugin_id:
            raise InvalidOfferError(f"{kind} {name!r} is none of plugin {plugin_id!r}")
        BARE_NAME.validate_python(name.partition("/")[2])


def _check_namespaces(plugin_id: str, names: Iterable[Any]) -> None:
    for name in names:
        if not isinstance(name, str) or not ID.fullmatch(name):
            raise InvalidOfferError(f"namespace {name!r} is not of the form [a-z][a-z0-9-]*")
        if name == plugin_id:
            raise InvalidOfferError(f"namespace {name!r} is the plugin's own id, under which its specs stand")
        if why := shadowed(name):
            raise InvalidOfferError(f"namespace {name!r} {why}")


def _returned(asked: Any, hook: str) -> list[Any]:
    """What a hook returned, as pluggy gathers it: a hook that returned None is left out there."""
    caller = getattr(asked, hook)
    returned: list[Any] = caller()
    if len(returned) < len(caller.get_hookimpls()):
        raise InvalidOfferError(f"hook {hook} returned None, not a list: is its `return` missing?")
    return returned


def _hook_of_kind(kind: str) -> Any:
    """The hookspec of a kind that a plugin declares."""

    def hook() -> list[Spec]:  # type: ignore[empty-body]
        """Entries of the kind."""

    hook.__name__ = f"zoo_{kind}s"
    return hookspecs.hookspec(hook)


def _checked(plugin_id: str, kind: str, spec_class: type[Spec], spec: Any) -> Spec:
    """The spec under its full name, once through JSON and validation: so it can be indexed and read back."""
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
