"""The index: what all plugins offer, as one JSON file that is read without importing any of them.

Standard library only: `zoo list` and shell completion live on this module. Any doubt rebuilds the index.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.home import cache_dir, writing, zoo_home
from zoo.names import find_name, namespace_of
from zoo.version import __version__

FORMAT = 1
VARIABLES = ("ZOO_PLUGINS", "ZOO_STRICT_PLUGINS", "ZOO_REGISTRY")
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
            if entry["kind"] == kind and _matches(entry, filters):
                yield entry

    def find(self, kind: str, name: str) -> str:
        """The full name of an entry. A dynamic name (`folder:PATH`) is its own. Raises UnknownNameError."""
        if self.dynamic_plugin(name):
            return name
        bundled_ids = {plugin["id"] for plugin in self.plugins if plugin["bundled"]}
        known = {entry["name"]: entry["plugin"] in bundled_ids for entry in self.entries if entry["kind"] == kind}
        return find_name(kind, name, known, [full for full, bundled in known.items() if bundled])

    def entry(self, kind: str, name: str) -> Entry:
        """The entry of a name that is not dynamic. Raises UnknownNameError."""
        full = self.find(kind, name)
        return next(entry for entry in self.entries if entry["kind"] == kind and entry["name"] == full)

    def dynamic_plugin(self, name: str) -> dict[str, Any] | None:
        """The plugin that has reserved the namespace of a dynamic name."""
        namespace = namespace_of(name)
        return next((plugin for plugin in self.plugins if namespace and namespace in plugin["namespaces"]), None)


def load_index(*, rebuild: bool = False) -> Index:
    """The index of what is installed now, from the cache where nothing that matters has changed."""
    key = _key()
    path = cache_dir("index") / f"{hashlib.sha256(json.dumps(key[:3]).encode()).hexdigest()[:16]}.json"
    if not rebuild and (cached := _read(path, key)):
        return cached
    plugins, entries, files = _build()
    document = {"format": FORMAT, "key": key, "files": files, "plugins": plugins, "entries": entries}
    try:
        with writing(path) as temporary:
            temporary.write_text(json.dumps(document), encoding="utf-8")
    except StoreError:
        pass  # a read-only ZOO_HOME costs speed, not the command
    return Index(entries, plugins)


def catalogue_files() -> list[Path]:
    """`registry.yaml` of the distribution (beside the package in a wheel, at the root of a checkout), then the user's."""
    here = Path(__file__).parent
    shipped = here / "registry.yaml"
    found = [shipped if shipped.exists() else here.parents[1] / "registry.yaml"]
    if own := os.environ.get("ZOO_REGISTRY"):
        found.append(Path(own).expanduser())
    return found


def _key() -> list[Any]:
    """What the index depends on, apart from the content of files. JSON values, so that it compares equal when read back."""
    here = os.getcwd()
    paths = [entry for entry in sys.path if entry and entry != here]
    return [
        __version__,
        sys.executable,
        paths,
        [_stamp(path)[:1] for path in paths],
        {name: os.environ.get(name) for name in VARIABLES},
        str(zoo_home()),
    ]


def _stamp(path: str | Path) -> list[int]:
    """(mtime in ns, size) of a file or folder, empty where it is absent."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size]


def _read(path: Path, key: list[Any]) -> Index | None:
    try:
        document = json.loads(path.read_bytes())
        same = document["format"] == FORMAT and document["key"] == key
        if same and all(_stamp(name) == stamp for name, stamp in document["files"].items()):
            return Index(document["entries"], document["plugins"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def _build() -> tuple[list[dict[str, Any]], list[Entry], dict[str, list[int]]]:
    """Ask every plugin. Files are stamped before they are imported, so that an edit meanwhile is seen next time."""
    from zoo.plugins import discover, state_file

    plugins, entries = [], []
    files = {str(path): _stamp(path) for path in [*catalogue_files(), state_file()]}
    for plugin in discover():
        files.update({name: _stamp(name) for name in plugin.files})
        own = [_entry(plugin.candidate.id, kind, spec.model_dump(mode="json")) for kind, spec in plugin.specs]
        entries += own
        plugins.append(
            {
                "id": plugin.candidate.id,
                "module": plugin.candidate.module,
                "distribution": plugin.candidate.distribution,
                "version": plugin.candidate.version,
                "bundled": plugin.candidate.bundled,
                "state": plugin.state,
                "reason": plugin.reason,
                "hint": plugin.hint,
                "namespaces": list(plugin.namespaces),
                "observes": list(plugin.observes),
                "entries": len(own),
            }
        )
    _add_modalities(entries)
    return plugins, entries, files


def _entry(plugin: str, kind: str, spec: Mapping[str, Any]) -> Entry:
    tasks = list(spec["tasks"]) if "tasks" in spec else [spec["task"]] if "task" in spec else []
    return {"kind": kind, "name": spec["name"], "plugin": plugin, "tasks": tasks, "modality": spec.get("modality"), "spec": spec}


def _add_modalities(entries: list[Entry]) -> None:
    """A recipe has the modality of its model."""
    of_model = {entry["name"]: entry["modality"] for entry in entries if entry["kind"] == "model"}
    for entry in entries:
        if entry["kind"] == "recipe":
            entry["modality"] = of_model.get(entry["spec"]["model"])


def _matches(entry: Entry, filters: Mapping[str, str | None]) -> bool:
    has = {
        "task": entry["tasks"],
        "modality": [entry["modality"]],
        "plugin": [entry["plugin"]],
        "dataset": [entry["spec"].get("dataset")],
    }
    return all(value is None or value in has[name] for name, value in filters.items())
