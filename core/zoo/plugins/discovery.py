"""Discovering plugins: what is installed, in which state each is, and what it offers. Errors are data here.

One plugin is loaded at a time and by our own loop: pluggy's `load_setuptools_entrypoints` stops at the first exception
and skips a second distribution with the same entry name without a word.
"""

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import metadata

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ValidationError

from zoo import hookspecs
from zoo.identity.sources import reached
from zoo.identity.watching import Watch
from zoo.plugins.hooks import (
    ID,
    InvalidOfferError,
    Words,
    declared_kinds,
    declared_words,
    manager,
    named_specs,
    reserved_namespaces,
    shadowed,
    spec_classes,
)
from zoo.plugins.names import BUNDLED
from zoo.plugins.switches import allowed_ids, disabled_ids
from zoo.specs import KINDS, ModalitySpec, Spec, SpecKind, TaskSpec
from zoo.version import __version__

GROUP = "zoo"
STATES = ("ok", "disabled", "incompatible", "missing-deps", "invalid", "conflict", "error")
OBSERVING = tuple(
    f"zoo_{events}_{event}" for events in ("run", "train") for event in ("started", "progress", "finished", "failed")
)
RUN_HOOKS = (*OBSERVING, "zoo_drawer")
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


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

    def is_among(self, disabled: Collection[str]) -> bool:
        """Whether it is disabled: by id, or, where two distributions share one, by `id@distribution`."""
        return self.id in disabled or f"{self.id}@{self.distribution}" in disabled


@dataclass(frozen=True)
class Plugin:
    """A discovered plugin: its state, why it is not ok, what to do about it, and its specs under their full names.

    `kinds`, `tasks` and `modalities` are those that it declares. They stay also where its own specs are invalid, for others may
    offer entries of them.
    """

    candidate: Candidate
    state: str
    reason: str = ""
    hint: str = ""
    kinds: tuple[SpecKind, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    modalities: tuple[ModalitySpec, ...] = ()
    specs: tuple[tuple[str, Spec], ...] = ()
    namespaces: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    """Those of RUN_HOOKS that it implements."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """What its offer depends on: its files, those of what it imports, and whatever it opened while it was asked."""
    asked: tuple[str, ...] = field(default=(), repr=False)
    """Environment variables that it read meanwhile."""
    doubt: str = ""
    """What else its offer depends on, which nobody can see change, such as a server."""


def discover(path: Sequence[str] | None = None) -> list[Plugin]:
    """Every plugin installed in the folders of `path` (default: `sys.path`), bundled ones first.

    Each is loaded unless its state forbids it: imported, and, once it is known which kinds of entry there are, asked.
    """
    candidates = _candidates(list(sys.path if path is None else path))
    disabled = disabled_ids()
    imported = [_refused(candidate, candidates, disabled) or _import(candidate) for candidate in candidates]
    for what, declared in (("kind", _kinds_of), ("task", _tasks_of), ("modality", _modalities_of)):
        imported = [_without_clash(plugin, imported, what, declared) for plugin in imported]
    classes = spec_classes(kind for plugin in imported for kind in plugin.kinds)
    found = [_ask(plugin, classes) if plugin.state == "ok" else plugin for plugin in imported]
    words = _words(found)
    found = [_understood(plugin, words) for plugin in found]
    return [_without_clash(plugin, found, "namespace", _namespaces_of) for plugin in found]


def _candidates(path: list[str]) -> list[Candidate]:
    """Entry points, bundled ones first. A distribution that is found twice counts once, the first, as for an import."""
    found = []
    for name in dict.fromkeys(_names(path)):
        with suppress(Exception):  # as below
            distribution = next(iter(metadata.distributions(name=name, path=path)))
            title, version, requires = distribution.metadata["Name"], distribution.version, tuple(distribution.requires or ())
            found += [Candidate(*entry, title, version or "?", requires) for entry in _entries(distribution, name)]
    return sorted(found, key=lambda candidate: (not candidate.bundled, candidate.id, candidate.distribution))


def _names(path: list[str]) -> Iterator[str]:
    """Names of distributions that mention our group. Only theirs are read from metadata, which takes a millisecond each."""
    for distribution in metadata.distributions(path=path):
        # Whatever is wrong with a distribution, or left of one by an uninstall that failed, concerns nobody here.
        with suppress(Exception):
            if f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or ""):
                yield canonicalize_name(distribution.metadata["Name"])


def _entries(distribution: metadata.Distribution, name: str) -> list[tuple[str, str]]:
    """Id and module of each entry point of our group; a file that cannot be read gives one without a module."""
    try:
        return [(entry.name, entry.value) for entry in distribution.entry_points if entry.group == GROUP]
    except Exception:
        return [(name, "")]


def _refused(candidate: Candidate, candidates: Sequence[Candidate], disabled: Collection[str]) -> Plugin | None:
    """The plugin, where it need not be imported to know that it cannot be used."""

    def refuse(state: str, reason: str, hint: str) -> Plugin:
        return Plugin(candidate, state, reason, hint)

    update, uninstall = _update(candidate), f"zoo plugins uninstall {candidate.distribution}"
    disable = f"zoo plugins disable {candidate.id}@{candidate.distribution}"
    if candidate.is_among(disabled):
        return refuse("disabled", "disabled by the user", f"zoo plugins enable {candidate.id}")
    allowed = allowed_ids()
    if allowed is not None and candidate.id not in allowed and not candidate.bundled:
        if not allowed:
            return refuse("disabled", "all plugins by others are left out", "unset ZOO_PLUGINS, which `zoo --no-plugins` empties")
        return refuse("disabled", "not named in ZOO_PLUGINS", f"add {candidate.id} to ZOO_PLUGINS, or unset it")
    if not ID.fullmatch(candidate.id):
        return refuse("invalid", f"its id {candidate.id!r} is not of the form [a-z][a-z0-9-]*", update)
    if not MODULE.fullmatch(candidate.module):
        return refuse("invalid", f"its entry point names {candidate.module!r}, which is no module", update)
    if not candidate.bundled and (why := shadowed(candidate.id)):
        return refuse("invalid", f"its id {candidate.id!r} {why}", update)
    rivals = [other for other in candidates if other.id == candidate.id and other is not candidate]
    if any(other.bundled for other in rivals):
        return refuse("conflict", f"id {candidate.id!r} is reserved by {BUNDLED}", uninstall)
    if enabled := [other.distribution for other in rivals if not other.is_among(disabled)]:
        who = " and ".join(enabled)
        return None if candidate.bundled else refuse("conflict", f"{who} has the plugin id {candidate.id!r} too", disable)
    if wanted := _unmet_range(candidate):
        why = f"needs deepzoo {wanted}, this is {__version__}"
        return refuse("incompatible", why, f"zoo plugins install --upgrade {BUNDLED} {candidate.distribution}")
    return None


def _unmet_range(candidate: Candidate) -> str:
    """The range of deepzoo versions that the distribution asks for, where this version is outside it."""
    for requirement in _requirements(candidate):
        if canonicalize_name(requirement.name) == BUNDLED and not requirement.specifier.contains(__version__, prereleases=True):
            return str(requirement.specifier)
    return ""


def _requirements(candidate: Candidate) -> Iterator[Requirement]:
    """What the distribution requires here; a line that cannot be read is passed over, as pip refuses it anyway."""
    for text in candidate.requires:
        try:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement
        except (InvalidRequirement, ValueError):
            continue


def _import(candidate: Candidate) -> Plugin:
    """Import the plugin and ask which kinds of entry it declares. Whatever it raises becomes its state."""
    watch = Watch(draws=False)
    try:
        with redirect_stdout(sys.stderr), watch:  # what a plugin prints as it is imported must not mix with our JSON
            module = importlib.import_module(candidate.module)
            asked = manager([(candidate.id, module)]).hook
            kinds, (tasks, modalities) = declared_kinds(asked), declared_words(asked)
    except (Exception, SystemExit) as error:
        return _with_facts(Plugin(candidate, *_diagnosis(candidate, error, KINDS)), watch, imported=True)
    return _with_facts(Plugin(candidate, "ok", kinds=kinds, tasks=tasks, modalities=modalities), watch, imported=True)


def _with_facts(plugin: Plugin, watch: Watch, *, imported: bool = False) -> Plugin:
    """The plugin with what its offer depends on: its files where it was just `imported`, and what was seen meanwhile."""
    found = reached([plugin.candidate.module]).files.values() if imported else ()
    inside = {str(path.parent) for path in found} - set(sys.path)  # a new file in a folder may be a new spec
    return replace(
        plugin,
        files=tuple(sorted({*plugin.files, *map(str, found), *inside, *watch.opened})),
        asked=tuple(sorted({*plugin.asked, *watch.asked})),
        doubt="; ".join(dict.fromkeys(filter(None, (plugin.doubt, *watch.doubts)))),
    )


def _ask(plugin: Plugin, classes: Mapping[str, type[Spec]]) -> Plugin:
    """The imported plugin with all else that it offers; `classes` are those of the specs of each kind that there is."""
    candidate = plugin.candidate
    watch = Watch(draws=False)
    try:
        with redirect_stdout(sys.stderr), watch:
            asking = manager([(candidate.id, importlib.import_module(candidate.module))], classes)
            asking.check_pending()
            specs = named_specs(candidate.id, asking.hook, classes)
            namespaces = reserved_namespaces(candidate.id, asking.hook)
    except (Exception, SystemExit) as error:
        state, reason, hint = _diagnosis(candidate, error, classes)
        return _with_facts(replace(plugin, state=state, reason=reason, hint=hint), watch)
    hooks = tuple(name for name in RUN_HOOKS if getattr(asking.hook, name).get_hookimpls())
    return _with_facts(replace(plugin, specs=specs, namespaces=namespaces, hooks=hooks), watch)


def _without_clash(plugin: Plugin, found: Sequence[Plugin], what: str, names: Callable[[Plugin], Collection[str]]) -> Plugin:
    """The plugin, or, where it takes one of the `names` that another one has, the conflict. Bundled ones keep theirs."""
    others = [other for other in found if other is not plugin and (other.state != "disabled" or other.candidate.bundled)]
    for name in () if plugin.candidate.bundled or plugin.state != "ok" else names(plugin):
        for other in others:
            if name in names(other):
                why = f"{what} {name!r} belongs to plugin {other.candidate.id!r} ({other.candidate.distribution})"
                hint = f"zoo plugins uninstall {plugin.candidate.distribution}"
                kept = plugin if what == "namespace" else replace(plugin, kinds=(), tasks=(), modalities=())
                return replace(kept, state="conflict", reason=why, hint=hint, specs=(), namespaces=(), hooks=())
    return plugin


def _kinds_of(plugin: Plugin) -> list[str]:
    return [kind.name for kind in plugin.kinds]


def _tasks_of(plugin: Plugin) -> list[str]:
    return [task.name for task in plugin.tasks]


def _modalities_of(plugin: Plugin) -> list[str]:
    return [modality.name for modality in plugin.modalities]


def _words(plugins: Sequence[Plugin]) -> Words:
    """The tasks and modalities that specs may name."""
    return Words().and_of(
        (name for plugin in plugins for name in _tasks_of(plugin)),
        (name for plugin in plugins for name in _modalities_of(plugin)),
    )


def _understood(plugin: Plugin, words: Words) -> Plugin:
    """The plugin, or, where a spec of its names a task or modality that nobody declares, that it is invalid."""
    why = next(filter(None, (words.unknown_in(kind, vars(spec)) for kind, spec in plugin.specs)), "")
    if not why:
        return plugin
    return replace(plugin, state="invalid", reason=why, hint=_update(plugin.candidate), specs=(), namespaces=(), hooks=())


def _namespaces_of(plugin: Plugin) -> tuple[str, ...]:
    """What names may begin with that it answers: its id, and what it reserves. Two of one id are told apart before."""
    return (plugin.candidate.id, *plugin.namespaces)


def _diagnosis(candidate: Candidate, error: BaseException, classes: Mapping[str, type[Spec]]) -> tuple[str, str, str]:
    """State, reason and hint of a plugin whose import or hooks raised `error`; `classes` are those of the specs."""
    update, upgrade = _update(candidate), f"zoo plugins install --upgrade {BUNDLED}"
    if isinstance(error, ImportError) and _top(error.name) == "zoo":
        return "invalid", f"{_one_line(error)}: it needs a newer deepzoo", upgrade
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = _top(error.name)
        if missing == _top(candidate.module):
            return "error", f"cannot be imported: {error}", f"pip install --force-reinstall {candidate.distribution}"
        hint = f"pip install {' '.join(_absent(candidate)) or missing}"
        return "missing-deps", f"needs the module {missing!r}, which is not installed", hint
    if isinstance(error, ValidationError):
        problems = error.errors()
        unknown = next((problem for problem in problems if problem["type"] == "extra_forbidden"), None)
        where = ".".join(map(str, (unknown or problems[0])["loc"]))
        near = get_close_matches(where, _fields_of(error.title, classes), 1, cutoff=0.75)
        if unknown and near:
            return "invalid", f"{error.title} has no field {where!r}, did you mean {near[0]!r}?", update
        declared = next((kind for kind, one in classes.items() if one.__name__ == error.title and kind not in KINDS), None)
        if unknown and declared:
            why = f"{error.title} has a field {where!r} unknown here: it needs a newer plugin that declares {declared!r}"
            return "invalid", why, update
        if unknown:
            return "invalid", f"{error.title} has a field {where!r} unknown here: it needs a newer deepzoo", upgrade
        return "invalid", f"{error.title}.{where}: {problems[0]['msg']}", update
    if isinstance(error, pluggy.PluginValidationError):
        return "invalid", _hook_problem(error, classes), update
    if isinstance(error, InvalidOfferError):
        return "invalid", _one_line(error), update
    return "error", f"{type(error).__name__}: {_one_line(error)}", update


def _update(candidate: Candidate) -> str:
    """What to do about a plugin that is wrong: correct it, where it is installed from its author's own folder."""
    try:
        origin = json.loads(metadata.distribution(candidate.distribution).read_text("direct_url.json") or "{}")
        source = importlib.util.find_spec(_top(candidate.module))
    except (metadata.PackageNotFoundError, ImportError, ValueError, OSError):
        origin, source = {}, None
    if origin.get("dir_info", {}).get("editable") and source is not None and source.origin:
        return f"correct {source.origin}"
    return f"zoo plugins install --upgrade {candidate.distribution}"


def _absent(candidate: Candidate) -> Iterator[str]:
    """Requirements of the distribution that are not installed, quoted for a shell where need be."""
    for requirement in _requirements(candidate):
        try:
            metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"'{requirement.name}{requirement.specifier}'" if requirement.specifier else requirement.name


def _fields_of(title: str, classes: Mapping[str, type[Spec]]) -> Collection[str]:
    """The fields of a spec's class, or of another one that stands beside it, by its name."""
    beside = (getattr(sys.modules[spec_class.__module__], title, None) for spec_class in classes.values())
    return next((found.model_fields for found in beside if isinstance(found, type) and issubclass(found, BaseModel)), ())


def _hook_problem(error: pluggy.PluginValidationError, kinds: Collection[str]) -> str:
    """Pluggy's words without the module's path, and the nearest hook where one is misspelt."""
    text = _one_line(error)
    if not (misspelt := re.match(r"unknown hook '(\w+)'", text)):
        return text
    known = [*(name for name in vars(hookspecs) if name.startswith("zoo_")), *(f"zoo_{kind}s" for kind in kinds)]
    near = get_close_matches(misspelt[1], known, 1, cutoff=0.75)
    needs = "it needs a newer deepzoo, or a plugin that declares this kind of entry"
    return f"unknown hook {misspelt[1]!r}" + (f", did you mean {near[0]!r}?" if near else f": {needs}")


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
