"""Discovering plugins: what is installed, in which state each is, and what it offers. Errors are data here.

One plugin is loaded at a time and by our own loop: pluggy's `load_setuptools_entrypoints` stops at the first exception
and skips a second distribution with the same entry name without a word.
"""

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import TypeAdapter, ValidationError

from zoo import hookspecs
from zoo.home import zoo_home
from zoo.names import BUNDLED
from zoo.specs import KINDS, BareName, Spec
from zoo.version import __version__

GROUP = "zoo"
STATES = ("ok", "disabled", "incompatible", "missing-deps", "invalid", "conflict", "error")
OBSERVERS = ("zoo_run_started", "zoo_run_finished")


@dataclass(frozen=True)
class Candidate:
    """An entry point of group `zoo`, before anything is imported."""

    id: str
    module: str
    distribution: str
    version: str
    requires: tuple[str, ...] = ()

    @property
    def bundled(self) -> bool:
        return canonicalize_name(self.distribution) == BUNDLED


@dataclass(frozen=True)
class Plugin:
    """A discovered plugin: its state, why it is not ok, what to do about it, and its specs under their full names."""

    candidate: Candidate
    state: str
    reason: str = ""
    hint: str = ""
    specs: tuple[tuple[str, Spec], ...] = ()
    namespaces: tuple[str, ...] = ()
    observes: tuple[str, ...] = ()
    files: tuple[str, ...] = field(default=(), repr=False)


def discover() -> list[Plugin]:
    """Every installed plugin, bundled ones first, each loaded unless its state forbids it."""
    candidates = list(_candidates())
    disabled = disabled_ids()
    shared = Counter(c.id for c in candidates if c.id not in disabled)
    reserved = {c.id for c in candidates if c.bundled}
    return [
        _examine(c, disabled, reserved, shared) for c in sorted(candidates, key=lambda c: (not c.bundled, c.id, c.distribution))
    ]


def disabled_ids() -> set[str]:
    """Ids of the plugins that the user has disabled; kept in `ZOO_HOME/plugins.json`."""
    try:
        return set(json.loads(state_file().read_text(encoding="utf-8"))["disabled"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def state_file() -> Path:
    """Where it is kept which plugins are disabled."""
    return zoo_home() / "plugins.json"


def manager(modules: Iterable[tuple[str, ModuleType]]) -> pluggy.PluginManager:
    """A pluggy manager with our hookspecs and these plugins. Raises PluginValidationError on a wrong or misspelt hook."""
    made = pluggy.PluginManager("zoo")
    made.add_hookspecs(hookspecs)
    for plugin_id, module in modules:
        made.register(module, name=plugin_id)
    made.check_pending()
    return made


def _candidates() -> Iterable[Candidate]:
    """Entry points by distribution; one that is found twice on `sys.path` counts once, as for an import."""
    seen = set()
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if not name or canonicalize_name(name) in seen:
            continue
        seen.add(canonicalize_name(name))
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                yield Candidate(entry.name, entry.module, name, distribution.version, tuple(distribution.requires or ()))


def _examine(candidate: Candidate, disabled: set[str], reserved: set[str], shared: Counter[str]) -> Plugin:
    """The plugin in its state. What can be known without importing it is asked first."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", candidate.id):
        return Plugin(
            candidate, "invalid", f"its id {candidate.id!r} is not of the form [a-z][a-z0-9-]*", "rename its entry point"
        )
    if candidate.id in disabled:
        return Plugin(candidate, "disabled", "disabled by the user", f"zoo plugins enable {candidate.id}")
    if candidate.id in reserved and not candidate.bundled:
        return Plugin(
            candidate, "conflict", f"id {candidate.id!r} is reserved by deepzoo", f"pip uninstall {candidate.distribution}"
        )
    if shared[candidate.id] > 1 and not candidate.bundled:
        why = f"another distribution has the plugin id {candidate.id!r} too"
        return Plugin(candidate, "conflict", why, f"uninstall one of them: pip uninstall {candidate.distribution}")
    if wanted := _unmet_range(candidate):
        return Plugin(
            candidate,
            "incompatible",
            f"needs deepzoo {wanted}, this is {__version__}",
            f"pip install -U {candidate.distribution}",
        )
    return _load(candidate)


def _unmet_range(candidate: Candidate) -> str:
    """The range of deepzoo versions that the distribution asks for, where this version is outside it."""
    for text in candidate.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        ours = canonicalize_name(requirement.name) == BUNDLED and (requirement.marker is None or requirement.marker.evaluate())
        if ours and not requirement.specifier.contains(__version__, prereleases=True):
            return str(requirement.specifier)
    return ""


def _load(candidate: Candidate) -> Plugin:
    """Import the plugin and ask its hooks. Whatever it raises becomes its state."""
    update = f"pip install -U {candidate.distribution}"
    try:
        module = importlib.import_module(candidate.module)
        asked = manager([(candidate.id, module)]).hook
        specs = _named(candidate.id, asked)
        namespaces = tuple(name for names in asked.zoo_namespaces() for name in names)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == candidate.module.partition(".")[0]:
            return Plugin(
                candidate, "error", f"cannot be imported: {error}", f"pip install --force-reinstall {candidate.distribution}"
            )
        return Plugin(
            candidate, "missing-deps", f"needs the module {missing!r}, which is not installed", f"pip install {missing}"
        )
    except ValidationError as error:
        return Plugin(candidate, "invalid", _spec_problem(error), update)
    except (pluggy.PluginValidationError, _InvalidSpecError) as error:
        return Plugin(candidate, "invalid", _one_line(error), update)
    except (Exception, SystemExit) as error:
        return Plugin(candidate, "error", f"{type(error).__name__}: {_one_line(error)}", update)
    observes = tuple(name for name in OBSERVERS if getattr(asked, name).get_hookimpls())
    return Plugin(candidate, "ok", "", "", specs, namespaces, observes, tuple(map(str, _sources(module))))


class _InvalidSpecError(Exception):
    """What a hook returned is not a list of fitting specs."""


def _named(plugin_id: str, asked: Any) -> tuple[tuple[str, Spec], ...]:
    """The specs of all hooks as (kind, spec), under full names."""
    found: dict[tuple[str, str], Spec] = {}
    for kind, spec_class in KINDS.items():
        for returned in getattr(asked, f"zoo_{kind}s")():
            if not isinstance(returned, Sequence):
                raise _InvalidSpecError(f"hook zoo_{kind}s must return a list, not {type(returned).__name__}")
            for spec in returned:
                if not isinstance(spec, spec_class):
                    raise _InvalidSpecError(f"hook zoo_{kind}s must return {spec_class.__name__}, not {type(spec).__name__}")
                TypeAdapter(BareName).validate_python(spec.name)
                full = f"{plugin_id}/{spec.name}"
                if (kind, full) in found:
                    raise _InvalidSpecError(f"two {kind}s are named {spec.name!r}")
                found[kind, full] = spec.model_copy(update={"name": full})
    return tuple((kind, spec) for (kind, _), spec in found.items())


def _sources(module: ModuleType) -> list[Path]:
    """The `.py` files of a plugin's package: an edit of one of them is a reason to ask the plugin again."""
    package = sys.modules[module.__name__.partition(".")[0]]
    files = {Path(module.__file__)} if module.__file__ else set()
    for folder in getattr(package, "__path__", ()):
        files.update(Path(folder).rglob("*.py"))
    return sorted(files)


def _spec_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{error.title} has a field {where!r} that this version does not know: it needs a newer deepzoo"
    return f"{error.title}.{where}: {first['msg']}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
