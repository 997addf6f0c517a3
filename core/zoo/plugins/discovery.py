"""Discovering plugins: what is installed, in which state each is, and what it offers. Errors are data here.

Bundled plugins are asked in this process, those of others each in a fork of it, so that none can end, hang or spoil more than
itself. `main` is the process that builds the index: no command imports a plugin that it does not use.
"""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from zoo.errors import OptionError, ZooError
from zoo.identity.files import session
from zoo.plugins.apart import Answer, run_apart
from zoo.plugins.asking import Offer, ask
from zoo.plugins.candidates import Candidate, candidates, refusal, removal, update
from zoo.plugins.hooks import Words, spec_classes
from zoo.plugins.index import search_path
from zoo.plugins.inquiry import WIDTH, inquire
from zoo.plugins.manifest import read_manifest
from zoo.plugins.switches import disabled_ids
from zoo.specs import ModalitySpec, Spec, SpecKind, TaskSpec

DECLARED: dict[str, type[SpecKind | TaskSpec | ModalitySpec]] = {
    "kinds": SpecKind,
    "tasks": TaskSpec,
    "modalities": ModalitySpec,
}
STATES = ("ok", "disabled", "incompatible", "missing-deps", "invalid", "conflict", "error")
SECONDS = 10.0
"""How long a plugin may take to say what it offers, unless ZOO_PLUGIN_SECONDS says otherwise."""


@dataclass(frozen=True)
class Plugin:
    """A discovered plugin: its state, why it is not ok, what to do about it, and its specs under their full names.

    `kinds`, `tasks` and `modalities` are those that it declares. They stay also where its own specs are invalid, for others may
    offer entries of them.
    """

    candidate: Candidate
    state: str = "ok"
    reason: str = ""
    hint: str = ""
    kinds: tuple[SpecKind, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    modalities: tuple[ModalitySpec, ...] = ()
    offered: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Kind and JSON values of each spec."""
    namespaces: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    """Those of RUN_HOOKS that it implements."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """What its offer depends on: its files, those of what it imports, and whatever it opened while it was asked."""
    opened: tuple[str, ...] = field(default=(), repr=False)
    """Those among them that it opened."""
    asked: tuple[str, ...] = field(default=(), repr=False)
    """Environment variables that it read meanwhile."""
    doubt: str = ""
    """What else its offer depends on, which nobody can see change, such as a server."""
    unknown: str = field(default="", repr=False)
    """A hook of its that nobody was known to have when it was asked: one of a kind that another plugin declares, or misspelt."""
    all_kinds: tuple[SpecKind, ...] = field(default=(), repr=False)
    """Kinds that any plugin declares."""

    @cached_property
    def specs(self) -> tuple[tuple[str, Spec], ...]:
        """Kind and spec of each entry. Imports the classes of kinds that plugins declare."""
        classes = spec_classes(self.all_kinds)
        return tuple((kind, classes[kind].model_validate(values)) for kind, values in self.offered)


def discover(
    path: Sequence[str] | None = None,
    *,
    known: Mapping[Candidate, Plugin] | None = None,
    blamed: Mapping[str, str] | None = None,
    alone: Collection[str] = (),
    note: Callable[[str], None] = lambda module: None,
) -> list[Plugin]:
    """Every plugin installed in the folders of `path` (default: `search_path()`), bundled ones first.

    Each is asked unless its state forbids it, or it is `known`. `blamed` are modules that are not asked again, each with the
    reason, `alone` those that are asked one at a time, last; `note` is told the module of each that is asked next.
    """
    there = candidates(search_path() if path is None else path)
    disabled = disabled_ids()
    known = known or {}
    found = [
        Plugin(one, *refused)
        if (refused := refusal(one, there, disabled))
        else known.get(one) or Plugin(one, *_blame(one, blamed or {}))
        for one in there
    ]
    asking = partial(_asked, alone=alone, note=note)
    found = asking(found, [plugin for plugin in found if plugin.state == "ok" and plugin.candidate not in known], ())
    for what, declared in (("kind", _kinds_of), ("task", _tasks_of), ("modality", _modalities_of)):
        found = [_without_clash(plugin, found, what, declared) for plugin in found]
    kinds = tuple(kind for plugin in found for kind in plugin.kinds)
    # Who has hooks of a kind that another one declares can only be understood now.
    found = asking(found, [plugin for plugin in found if plugin.unknown and kinds], kinds)
    words = _words(found)
    found = [_understood(plugin, words) for plugin in found]
    found = [_without_clash(plugin, found, "namespace", _namespaces_of) for plugin in found]
    return [replace(plugin, all_kinds=kinds) for plugin in found]


def found_apart() -> list[Plugin]:
    """Every plugin that is installed, as a process of its own finds them: none of their code runs, or forks, in this one."""
    found = [_of_facts(values) for values in inquire(search_path())]
    kinds = tuple(kind for plugin in found for kind in plugin.kinds)
    return [replace(plugin, all_kinds=kinds) for plugin in found]


def ask_one(candidate: Candidate) -> Plugin:
    """A plugin as its code says, whatever its manifest does. It may declare kinds, and offer those of the core and its own."""
    (answer,) = run_apart([partial(ask, candidate, ())], _seconds(), 1, lambda number: None)
    return _heard(Plugin(candidate), answer)


def main() -> None:
    """Print the plugins that an order on stdin asks for: lines of JSON, which is asked when, and at last all, or an error."""
    order = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a bundled plugin may print is no answer

    def note(module: str) -> None:
        out.write(json.dumps({"asked": module}) + "\n")

    try:
        known = {plugin.candidate: plugin for plugin in map(_of_facts, order["known"])}
        found = discover(order["path"], known=known, blamed=order["blamed"], alone=order["alone"], note=note)
        line: dict[str, Any] = {"found": [facts(plugin) for plugin in found]}
    except ZooError as error:
        line = {"error": [type(error).__name__, error.message, error.hint]}
    out.write(json.dumps(line) + "\n")


def facts(plugin: Plugin) -> dict[str, Any]:
    """A plugin as JSON values."""
    own = {name: getattr(plugin, name) for name in ("state", "reason", "hint", "namespaces", "hooks", "files", "asked", "doubt")}
    declared = {name: [spec.model_dump(mode="json") for spec in getattr(plugin, name)] for name in DECLARED}
    return {**vars(plugin.candidate), "bundled": plugin.candidate.bundled, **own, **declared, "offered": plugin.offered}


def _of_facts(values: Mapping[str, Any]) -> Plugin:
    """What `facts` made JSON of."""
    one = Candidate(**{name: values[name] for name in ("id", "module", "distribution", "version", "file")})
    return _heard(Plugin(replace(one, requires=tuple(values["requires"]))), Answer([dict(values)]))


def _blame(candidate: Candidate, blamed: Mapping[str, str]) -> tuple[str, str, str]:
    reason = blamed.get(candidate.module, "")
    return ("error", reason, update(candidate)) if reason else ("ok", "", "")


def _asked(
    found: Sequence[Plugin],
    which: Sequence[Plugin],
    kinds: tuple[SpecKind, ...],
    *,
    alone: Collection[str],
    note: Callable[[str], None],
) -> list[Plugin]:
    """The plugins, `which` of them with what they say now that these kinds are known."""
    told: dict[Candidate, Plugin] = {}
    with session():  # not beyond: no fork may have it
        for plugin in which:
            if plugin.candidate.bundled:
                told[plugin.candidate] = _heard(plugin, _here(plugin.candidate, kinds))
    theirs = [plugin for plugin in which if not plugin.candidate.bundled]
    suspects = [plugin for plugin in theirs if plugin.candidate.module in alone]
    for some, width in (([plugin for plugin in theirs if plugin not in suspects], WIDTH), (suspects, 1)):
        modules = [plugin.candidate.module for plugin in some]
        tasks = [partial(_tell, plugin.candidate, kinds) for plugin in some]
        answers = run_apart(tasks, _seconds(), width, lambda number, modules=modules: note(modules[number]))  # type: ignore[misc]
        told.update({plugin.candidate: _heard(plugin, answer) for plugin, answer in zip(some, answers, strict=True)})
    return [told.get(plugin.candidate, plugin) for plugin in found]


def _seconds() -> float:
    try:
        return float(os.environ.get("ZOO_PLUGIN_SECONDS") or SECONDS)
    except ValueError as error:
        raise OptionError("ZOO_PLUGIN_SECONDS is no number", "say in how many seconds a plugin must answer") from error


def _here(candidate: Candidate, kinds: Iterable[SpecKind]) -> Answer:
    answer = Answer()
    ask(candidate, kinds, answer.told.append)
    return answer


def _tell(candidate: Candidate, kinds: Iterable[SpecKind], tell: Callable[[Offer], None]) -> None:
    """What another's plugin offers: by its manifest, where that is of the plugin as it is now, else by asking it."""
    with session():
        if (offer := read_manifest(candidate, kinds)) is not None:
            tell(offer)
        else:
            ask(candidate, kinds, tell)


def _heard(plugin: Plugin, answer: Answer) -> Plugin:
    """The plugin as its answer says, or that it gave none."""
    said: Offer = {}
    for bit in answer.told:
        said.update(bit if isinstance(bit, dict) else {})
    try:
        files = tuple(sorted({*said.get("files", ()), *said.get("opened", ())}))
        if answer.end or "state" not in said:
            doing = f"{answer.end or 'it gave no answer'} {said.get('doing', '')}".strip()
            return replace(plugin, state="error", reason=doing, hint=update(plugin.candidate), files=files)
        declared: Any = {name: tuple(map(of.model_validate, said.get(name, ()))) for name, of in DECLARED.items()}
        offered = tuple((str(kind), dict(values)) for kind, values in said.get("offered", ()))
        assert all(values["name"].startswith(f"{plugin.candidate.id}/") for _, values in offered)
        of_strings: Any = {name: tuple(map(str, said.get(name, ()))) for name in ("namespaces", "hooks", "opened", "asked")}
        of_text: Any = {name: str(said.get(name, "")) for name in ("state", "reason", "hint", "doubt", "unknown")}
        return replace(plugin, **of_text, **of_strings, **declared, offered=offered, files=files)
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError):
        return replace(plugin, state="error", reason="what it answered cannot be read", hint=update(plugin.candidate))


def _without_clash(plugin: Plugin, found: Sequence[Plugin], what: str, names: Callable[[Plugin], Collection[str]]) -> Plugin:
    """The plugin, or, where it takes one of the `names` that another one has, the conflict. Bundled ones keep theirs."""
    others = [other for other in found if other is not plugin and (other.state != "disabled" or other.candidate.bundled)]
    for name in () if plugin.candidate.bundled or plugin.state != "ok" else names(plugin):
        for other in others:
            if name in names(other):
                why = f"{what} {name!r} belongs to plugin {other.candidate.id!r} ({other.candidate.distribution})"
                kept = plugin if what == "namespace" else replace(plugin, kinds=(), tasks=(), modalities=())
                kept = replace(kept, state="conflict", reason=why, hint=removal(plugin.candidate))
                return replace(kept, offered=(), namespaces=(), hooks=(), unknown="")
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
    why = next(filter(None, (words.unknown_in(kind, values) for kind, values in plugin.offered)), "")
    if not why:
        return plugin
    return replace(plugin, state="invalid", reason=why, hint=update(plugin.candidate), offered=(), namespaces=(), hooks=())


def _namespaces_of(plugin: Plugin) -> tuple[str, ...]:
    """What names may begin with that it answers: its id, and what it reserves. Two of one id are told apart before."""
    return (plugin.candidate.id, *plugin.namespaces)
