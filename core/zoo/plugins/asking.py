"""Asking one plugin what it offers: imported, its hooks called, and whatever it raises made its state."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pluggy
from pydantic import BaseModel, ValidationError

from zoo import hookspecs
from zoo.identity.sources import reached
from zoo.identity.watching import Watch
from zoo.plugins.candidates import Candidate, absent, update
from zoo.plugins.hooks import (
    InvalidOfferError,
    declared_kinds,
    declared_words,
    manager,
    named_specs,
    reserved_namespaces,
    spec_classes,
)
from zoo.plugins.names import BUNDLED
from zoo.specs import KINDS, Spec, SpecKind

OBSERVING = tuple(
    f"zoo_{events}_{event}" for events in ("run", "train") for event in ("started", "progress", "finished", "failed")
)
RUN_HOOKS = (*OBSERVING, "zoo_drawer")
Offer = dict[str, Any]
"""What a plugin says, as JSON values: fields of `zoo.plugins.discovery.Plugin`, and `unknown`, a hook that nobody here has."""


def ask(candidate: Candidate, kinds: Iterable[SpecKind], tell: Callable[[Offer], None]) -> None:
    """Tell what a plugin offers, bit by bit: the files that this depends on, what it is doing, and the rest.

    `kinds` are those that other plugins declare.
    """
    watch = Watch(draws=False)
    if candidate.file:
        sys.path += [folder for folder in (str(Path(candidate.file).parent),) if folder not in sys.path]
    tell({"files": _files(candidate), "doing": "as it was imported"})
    classes = dict(KINDS)
    try:
        with watch:
            module = importlib.import_module(candidate.module)
            tell({"doing": "as its hooks were called"})
            asked = manager([(candidate.id, module)]).hook
            own, (tasks, modalities) = declared_kinds(asked), declared_words(asked)
            declared = {"kinds": own, "tasks": tasks, "modalities": modalities}
            tell({name: [spec.model_dump(mode="json") for spec in specs] for name, specs in declared.items()})
            classes = spec_classes([*kinds, *own])
            asking = manager([(candidate.id, module)], classes)
            callers = asking.get_hookcallers(module) or []
            tell({"unknown": next((caller.name for caller in callers if not caller.has_spec()), "")})
            asking.check_pending()
            offer = _offer(candidate, asking, classes)
    except BaseException as error:
        state, reason, hint = _diagnosis(candidate, error, classes)
        offer = {"state": state, "reason": reason, "hint": hint}
    opened, doubt = sorted(watch.opened), "; ".join(watch.doubts)
    tell({**offer, "opened": opened, "asked": sorted(watch.asked), "doubt": doubt})


def _offer(candidate: Candidate, asking: pluggy.PluginManager, classes: Mapping[str, type[Spec]]) -> Offer:
    specs = named_specs(candidate.id, asking.hook, classes)
    return {
        "state": "ok",
        "offered": [[kind, spec.model_dump(mode="json")] for kind, spec in specs],
        "namespaces": reserved_namespaces(candidate.id, asking.hook),
        "hooks": [name for name in RUN_HOOKS if getattr(asking.hook, name).get_hookimpls()],
    }


def _files(candidate: Candidate) -> list[str]:
    """Its files and those of what it imports, and its folders, in which a new file may be a new spec."""
    found = reached([candidate.module], follow=not candidate.bundled).files.values()  # bundled ones import the core alone
    inside = {str(path.parent) for path in found} - set(sys.path)
    return sorted({*map(str, found), *inside})


def _diagnosis(candidate: Candidate, error: BaseException, classes: Mapping[str, type[Spec]]) -> tuple[str, str, str]:
    """State, reason and hint of a plugin whose import or hooks raised `error`; `classes` are those of the specs."""
    mend, upgrade = update(candidate), f"zoo plugins install --upgrade {BUNDLED}"
    if isinstance(error, ImportError) and _top(error.name) == "zoo":
        return "invalid", f"{_one_line(error)}: it needs a newer deepzoo", upgrade
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = _top(error.name)
        if missing == _top(candidate.module):
            return "error", f"cannot be imported: {error}", f"pip install --force-reinstall {candidate.distribution}"
        hint = f"pip install {' '.join(absent(candidate)) or missing}"
        return "missing-deps", f"needs the module {missing!r}, which is not installed", hint
    if isinstance(error, ValidationError):
        problems = error.errors()
        unknown = next((problem for problem in problems if problem["type"] == "extra_forbidden"), None)
        where = ".".join(map(str, (unknown or problems[0])["loc"]))
        near = get_close_matches(where, _fields_of(error.title, classes), 1, cutoff=0.75)
        if unknown and near:
            return "invalid", f"{error.title} has no field {where!r}, did you mean {near[0]!r}?", mend
        declared = next((kind for kind, one in classes.items() if one.__name__ == error.title and kind not in KINDS), None)
        if unknown and declared:
            why = f"{error.title} has a field {where!r} unknown here: it needs a newer plugin that declares {declared!r}"
            return "invalid", why, mend
        if unknown:
            return "invalid", f"{error.title} has a field {where!r} unknown here: it needs a newer deepzoo", upgrade
        return "invalid", f"{error.title}.{where}: {problems[0]['msg']}", mend
    if isinstance(error, pluggy.PluginValidationError):
        return "invalid", _hook_problem(error, classes), mend
    if isinstance(error, InvalidOfferError):
        return "invalid", _one_line(error), mend
    return "error", f"{type(error).__name__}: {_one_line(error)}", mend


def _fields_of(title: str, classes: Mapping[str, type[Spec]]) -> Collection[str]:
    """The fields of a spec's class, or of another one that stands beside it, by its name."""
    beside = (getattr(sys.modules[spec_class.__module__], title, None) for spec_class in classes.values())
    return next((found.model_fields for found in beside if isinstance(found, type) and issubclass(found, BaseModel)), ())


def _unknown_hook(error: BaseException) -> str:
    found = re.match(r"unknown hook '(\w+)'", _one_line(error)) if isinstance(error, pluggy.PluginValidationError) else None
    return found[1] if found else ""


def _hook_problem(error: pluggy.PluginValidationError, kinds: Collection[str]) -> str:
    """Pluggy's words without the module's path, and the nearest hook where one is misspelt."""
    if not (misspelt := _unknown_hook(error)):
        return _argument_problem(error) or _one_line(error)
    known = [*(name for name in vars(hookspecs) if name.startswith("zoo_")), *(f"zoo_{kind}s" for kind in kinds)]
    near = get_close_matches(misspelt, known, 1, cutoff=0.75)
    needs = "it needs a newer deepzoo, or a plugin that declares this kind of entry"
    return f"unknown hook {misspelt!r}" + (f", did you mean {near[0]!r}?" if near else f": {needs}")


def _argument_problem(error: pluggy.PluginValidationError) -> str:
    """`hook zoo_resolve takes no argument 'nmae': it takes kind, name`; empty where something else is wrong."""
    found = re.search(r"for hook '(\w+)'.*Argument\(s\) \{(.*)\} are declared", _one_line(error))
    spec = getattr(hookspecs, found[1], None) if found else None
    if found is None or spec is None:
        return ""
    return f"hook {found[1]} takes no argument {found[2]}: it takes {', '.join(inspect.signature(spec).parameters) or 'none'}"


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]


def _one_line(error: BaseException) -> str:
    """What an error says, in one line, also where it cannot say it."""
    try:
        return " ".join(str(error).split())[:300]
    except BaseException:
        return "its message cannot be shown"
