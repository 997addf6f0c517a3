"""Entries and plugins as plain JSON values: what the index holds, and how a name finds its entry. Standard library only."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from zoo.errors import AmbiguousNameError, UnknownNameError
from zoo.plugins.composed import is_composed
from zoo.plugins.names import find_name, namespace_of, split_tag

Entry = dict[str, Any]
"""`kind`, `name` (full), `plugin`, `tasks`, `modality`, and the whole `spec` as JSON."""


@dataclass(frozen=True)
class Index:
    """Entries and plugins, as plain JSON values."""

    entries: list[Entry]
    plugins: list[dict[str, Any]]

    def select(self, kind: str, **filters: str | None) -> Iterator[Entry]:
        """Entries of a kind that match: `task`, `modality`, `plugin`, `dataset`; a filter that is None matches all."""
        if wanted := filters.get("dataset"):
            filters["dataset"] = self.find("dataset", wanted)
        for entry in self.entries:
            if entry["kind"] == kind and matches(entry, filters):
                yield entry

    @property
    def kinds(self) -> dict[str, dict[str, Any]]:
        """Kinds of entry that plugins add, each with its `name`, `spec` (the target of its class) and `summary`."""
        return {kind["name"]: kind for plugin in self.plugins for kind in plugin["kinds"]}

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """Tasks that plugins add to the core's, each as the JSON of its TaskSpec."""
        return {task["name"]: task for plugin in self.plugins for task in plugin.get("tasks", ())}

    @property
    def modalities(self) -> dict[str, dict[str, Any]]:
        """Modalities that plugins add to the core's, each as the JSON of its ModalitySpec."""
        return {modality["name"]: modality for plugin in self.plugins for modality in plugin.get("modalities", ())}

    def find(self, kind: str, name: str) -> str:
        """The full name of an entry. A dynamic name (`folder:PATH`) is its own.

        A bare name that means a bundled entry warns of foreign ones of the same bare name; of metrics it does not, as
        benchmarks use their bare names. Raises UnknownNameError, which says so where it is a plugin that is not well.
        """
        try:
            full = self._find(kind, name)
        except AmbiguousNameError:
            raise
        except UnknownNameError as error:
            raise self._because_of_plugin(name, error) from None
        bare = {e["name"] for e in self.entries if e["kind"] == kind and e["name"].partition("/")[2] == name}
        if kind != "metric" and (others := sorted(bare - {full})):
            warnings.warn(f"{kind} {name!r} is taken as {full}; there is also {', '.join(others)}", stacklevel=3)
        return full

    def entry(self, kind: str, name: str) -> Entry:
        """The entry of a name that is not dynamic. Raises UnknownNameError."""
        full = self.find(kind, name)
        return next(entry for entry in self.entries if entry["kind"] == kind and entry["name"] == full)

    def dynamic_plugin(self, name: str) -> dict[str, Any] | None:
        """The plugin that has reserved the namespace of a dynamic name."""
        namespace = namespace_of(name)
        return next((plugin for plugin in self.plugins if namespace and namespace in plugin["namespaces"]), None)

    def title(self, plugin: str) -> str:
        """How messages name the plugin of an id."""
        found = (one for one in self.plugins if one["id"] == plugin and one["state"] == "ok")
        return next(map(plugin_title, found), f"plugin {plugin!r}")

    def plugin_of(self, name: str) -> dict[str, Any] | None:
        """The plugin that offers the entry of a full or dynamic name; None where none does, as of the user's own."""
        used = [plugin for plugin in self.plugins if plugin["state"] == "ok"]
        owner = namespace_of(name)
        return next((plugin for plugin in used if owner and owner in (plugin["id"], *plugin["namespaces"])), None)

    def _find(self, kind: str, name: str) -> str:
        if self.dynamic_plugin(name):
            return name
        bundled = {plugin["id"] for plugin in self.plugins if plugin["bundled"]}
        known = {entry["name"]: entry["plugin"] in bundled for entry in self.entries if entry["kind"] == kind}
        return find_name(kind, name, known, [full for full, ours in known.items() if ours])

    def _because_of_plugin(self, name: str, error: UnknownNameError) -> UnknownNameError:
        same = [plugin for plugin in self.plugins if plugin["id"] == namespace_of(name)]
        if not same or any(plugin["state"] == "ok" for plugin in same):
            return error
        why = plugin_problem(same[0]) or f"{plugin_title(same[0])} is {same[0]['reason']}"
        return UnknownNameError(f"{error.message}: {why}", same[0]["hint"], error.candidates)


def plugin_title(plugin: Mapping[str, Any]) -> str:
    """How every message names a plugin."""
    return f"plugin {plugin['id']!r} ({plugin['distribution']} {plugin['version']})"


def plugin_problem(plugin: Mapping[str, Any]) -> str:
    """Why a plugin is not used; empty where it is, or where the user does not want it."""
    if plugin["state"] in ("ok", "disabled"):
        return ""
    return f"{plugin_title(plugin)} is not used ({plugin['state']}): {plugin['reason']}"


def entry_of(plugin: str, kind: str, spec: Mapping[str, Any]) -> Entry:
    """What the index holds of a spec under its full name."""
    tasks = spec.get("tasks", [spec["task"]] if "task" in spec else [])
    tasks = list(tasks) if isinstance(tasks, (list, dict)) else []  # a plugin's own kind may mean something else by it
    return {"kind": kind, "name": spec["name"], "plugin": plugin, "tasks": tasks, "modality": spec.get("modality"), "spec": spec}


def link(entries: list[Entry], index: Index) -> None:
    """Full names in what entries refer to, a bare one meaning the plugin's own first. A recipe has its model's modality,
    and its benchmark's task, and dataset where it names none."""
    names = {(entry["kind"], entry["name"]): entry for entry in entries}

    def full(kind: str, name: str, plugin: str) -> str:
        if (kind, own := f"{plugin}/{name}") in names:
            return own
        with suppress(UnknownNameError):
            return index._find(kind, name)
        return name

    for entry in entries:
        spec, plugin = entry["spec"], entry["plugin"]
        for kind in ("dataset", "model", "benchmark"):
            if spec.get(kind) and isinstance(spec[kind], str):
                spec[kind] = full(kind, spec[kind], plugin)
        for weights in spec["weights"].values() if entry["kind"] == "model" else ():
            weights["recipe"] = weights["recipe"] and full("recipe", weights["recipe"], plugin)
        for role, name in spec["made_of"].items() if entry["kind"] == "model" else ():
            if not is_composed(name):
                base, tag = split_tag(name)
                spec["made_of"][role] = full("model", base, plugin) + (f"@{tag}" if tag else "")
    for entry in entries:
        spec = entry["spec"]
        if entry["kind"] == "recipe" and (benchmark := names.get(("benchmark", spec["benchmark"]))):
            spec["dataset"], spec["task"] = spec["dataset"] or benchmark["spec"]["dataset"], benchmark["spec"]["task"]
            entry["tasks"] = [spec["task"]]
        if entry["kind"] == "recipe" and ("model", spec["model"]) in names:
            entry["modality"] = names["model", spec["model"]]["modality"]


def matches(entry: Entry, filters: Mapping[str, str | None]) -> bool:
    """Whether an entry passes `task`, `modality`, `plugin` and `dataset`; None passes all."""
    has = {
        "task": entry["tasks"],
        "modality": [entry["modality"]],
        "plugin": [entry["plugin"]],
        "dataset": [entry["spec"].get("dataset")],
    }
    return all(value is None or value in has[name] for name, value in filters.items())
