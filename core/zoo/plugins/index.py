"""The index: what all plugins offer, as one JSON file that is read without importing any of them.

Standard library only: `zoo list` and shell completion live on this module. Any doubt rebuilds the index.
"""

import hashlib
import json
import os
import stat
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import AmbiguousNameError, PluginError, StoreError, UnknownNameError
from zoo.home import cache_dir, plugin_folders, state_file, writing
from zoo.plugins.composed import is_composed
from zoo.plugins.names import find_name, namespace_of, split_tag
from zoo.version import __version__

FORMAT = 10
VARIABLES = ("ZOO_PLUGINS", "ZOO_WITHOUT", "ZOO_PLUGIN_SECONDS", "ZOO_REGISTRY")
CLOCK_NS = 50_000_000
"""Two changes within this time may leave one mtime: file systems take it from a clock of 1 to 16 ms."""
DOUBTED_S = 10.0
"""For how long a process believes what a plugin said that depends on more than anybody can see."""
LOADED = 8
"""Documents that a process keeps of what it loaded."""
PLUGIN_FACTS = ("id", "module", "distribution", "version", "file", "bundled", "state", "reason", "hint")
DECLARED = ("kinds", "tasks", "modalities", "namespaces")
OF_OTHERS = ("conflict", "disabled", "incompatible")
"""States that a plugin has by what else there is."""
DRAWER = "zoo_drawer"
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


def load_index(*, rebuild: bool = False, strict: bool | None = None) -> Index:
    """The index of what is installed now, from the cache where nothing that matters has changed.

    Where it is to be `strict` (None: where `ZOO_STRICT_PLUGINS` says so), a plugin that is not well raises PluginError.
    """
    key = _key()
    path = index_file(key)
    document = (None if rebuild else _loaded(key) or _read(path, key)) or _make(path, key)
    if document["doubtful"] and time.monotonic() - _asked_at.get(path, -DOUBTED_S) > DOUBTED_S:
        document = _make(path, key, _known(path, document["doubtful"]))
    index = Index(document["entries"], document["plugins"])
    if any(plugin["file"] for plugin in index.plugins):
        sys.path += [folder for folder in key[2] if folder not in sys.path]  # where their modules are
    if os.environ.get("ZOO_STRICT_PLUGINS", "0") not in ("", "0") if strict is None else strict:
        for plugin in index.plugins:
            if problem := plugin_problem(plugin):
                raise PluginError(problem, plugin["hint"])
    return index


def index_file(key: list[Any] | None = None) -> Path:
    """Where the index of what is installed now is kept."""
    return cache_dir("index") / f"{hashlib.sha256(json.dumps((key or _key())[:4]).encode()).hexdigest()[:16]}.json"


def _make(path: Path, key: list[Any], known: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Ask every plugin but those whose facts are known, and keep what they say."""
    from zoo.plugins.inquiry import inquire

    began = time.time_ns()
    found = inquire(search_path(), known or _bundled())
    plugins, entries, files, asked = _build(found)
    _keep_bundled(found, files)
    doubtful = [plugin["module"] for plugin in found if plugin["doubt"]]
    document = {"format": FORMAT, "key": key, "files": files, "asked": asked, "doubtful": doubtful}
    document |= {"plugins": plugins, "entries": entries}
    _asked_at[path] = time.monotonic()
    # What changed just now may change again unseen.
    if _key() != key or _changed_since(began, [*key[4], *files.values()]):
        return document
    _keep(document)
    with suppress(StoreError):  # a read-only ZOO_HOME costs speed, not the command
        if doubtful:
            with writing(_facts_file(path)) as temporary:
                temporary.write_text(json.dumps(found), encoding="utf-8")
        with writing(path) as temporary:
            temporary.write_text(json.dumps(document), encoding="utf-8")
    return document


def _known(path: Path, doubtful: Collection[str]) -> list[Mapping[str, Any]]:
    """Facts of the plugins that need not be asked again, as nothing that they depend on has changed."""
    try:
        facts = json.loads(_facts_file(path).read_bytes())
        return [plugin for plugin in facts if plugin["module"] not in doubtful and plugin["state"] not in OF_OTHERS]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _bundled() -> list[Mapping[str, Any]]:
    """Facts of the bundled plugins, where this process knows them: they depend on nothing but their files."""
    return [plugin for plugin, stamps in _ours if all(_stamp(name) == stamp for name, stamp in stamps.items())]


def _keep_bundled(found: Iterable[Mapping[str, Any]], files: Mapping[str, list[Any]]) -> None:
    ours = [plugin for plugin in found if plugin["bundled"] and plugin["state"] == "ok" and not plugin["doubt"]]
    _ours[:] = [(plugin, {name: files[name] for name in plugin["files"]}) for plugin in ours if not plugin["asked"]]


def _facts_file(path: Path) -> Path:
    return path.with_suffix(".facts.json")


_ours: list[tuple[Mapping[str, Any], dict[str, list[Any]]]] = []
_asked_at: dict[Path, float] = {}
"""When this process asked the plugins, by the file of the index."""
_documents: list[dict[str, Any]] = []


def _loaded(key: list[Any]) -> dict[str, Any] | None:
    """What this process has loaded, where it still holds."""
    return next((document for document in _documents if _holds(document, key)), None)


def _keep(document: dict[str, Any]) -> None:
    _documents[:] = [document, *(other for other in _documents if other["key"] != document["key"])][:LOADED]


def catalogue_files() -> list[Path]:
    """`registry.yaml` of the distribution (beside the package in a wheel, at the root of a checkout), then the user's."""
    package = Path(__file__).parents[1]
    shipped = package / "registry.yaml"
    found = [shipped if shipped.exists() else package.parents[1] / "registry.yaml"]
    if own := os.environ.get("ZOO_REGISTRY"):
        found.append(Path(own).expanduser())
    return found


def search_path() -> list[str]:
    """`sys.path` without the working directory, whose plugins would be found in one folder and not in the next.

    At its end come folders of plugins that are one file each.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str)]
    with suppress(OSError):
        if entries and entries[0] == os.getcwd():
            entries.pop(0)
    return list(dict.fromkeys([*filter(None, entries), *map(str, plugin_folders())]))


def _key() -> list[Any]:
    """What the index depends on, apart from the content of files. JSON values, so that it compares equal when read back."""
    paths = search_path()
    return [
        __version__,
        sys.executable,
        paths,
        {name: os.environ.get(name) for name in VARIABLES},
        [_mtime(path) for path in paths],
        _text(state_file()),
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _mtime(path: str | Path) -> list[int]:
    try:
        return [os.stat(path).st_mtime_ns]
    except OSError:
        return []


def _stamp(path: str | Path) -> list[Any]:
    """mtime and ctime in ns, size and inode of a file; the names in a folder, as one number; empty where it is absent."""
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]
        with os.scandir(path) as inside:
            names = sorted(entry.name for entry in inside if entry.name != "__pycache__" and not entry.name.endswith(".tmp"))
        return [0, zlib.crc32("/".join(names).encode())]
    except OSError:
        return []


def _changed_since(began: int, stamps: Iterable[list[int]]) -> bool:
    """Whether one of these was changed so shortly before or after `began` that its stamp cannot be trusted."""
    ended = time.time_ns()
    return any(began - CLOCK_NS < when < ended + CLOCK_NS for stamp in stamps for when in stamp[:2])


def _read(path: Path, key: list[Any]) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        if (
            _holds(document, key)
            and isinstance(document["entries"], list)
            and isinstance(document["doubtful"], list)
            and isinstance(document["plugins"], list)
        ):
            _keep(document)
            return document
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def _holds(document: Mapping[str, Any], key: list[Any]) -> bool:
    """Whether nothing has changed that a document depends on."""
    same = document["format"] == FORMAT and document["key"] == key
    same = same and all(os.environ.get(name) == value for name, value in document["asked"].items())
    return same and all(_stamp(name) == stamp for name, stamp in document["files"].items())


def _build(
    found: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[Entry], dict[str, list[Any]], dict[str, str | None]]:
    """Plugins and entries of these facts, and the files and variables that they depend on."""
    plugins, entries = [], []
    asked: dict[str, str | None] = {}
    files = {str(path): _stamp(path) for path in catalogue_files()}
    for plugin in found:
        files.update({name: _stamp(name) for name in plugin["files"]})
        asked.update({name: os.environ.get(name) for name in plugin["asked"]})
        own = [entry_of(plugin["id"], kind, values) for kind, values in plugin["offered"]]
        entries += own
        plugins.append(
            {
                **{name: plugin[name] for name in (*PLUGIN_FACTS, *DECLARED)},
                "observes": [name for name in plugin["hooks"] if name != DRAWER],
                "draws": DRAWER in plugin["hooks"],
                "entries": dict(Counter(entry["kind"] for entry in own)),
            }
        )
    _link(entries, Index(entries, plugins))
    return plugins, entries, files, asked


def entry_of(plugin: str, kind: str, spec: Mapping[str, Any]) -> Entry:
    """What the index holds of a spec under its full name."""
    tasks = spec.get("tasks", [spec["task"]] if "task" in spec else [])
    tasks = list(tasks) if isinstance(tasks, (list, dict)) else []  # a plugin's own kind may mean something else by it
    return {"kind": kind, "name": spec["name"], "plugin": plugin, "tasks": tasks, "modality": spec.get("modality"), "spec": spec}


def _link(entries: list[Entry], index: Index) -> None:
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
