"""The index: what all plugins offer, as one JSON file that is read without importing any of them.

Standard library only: `zoo list` and shell completion live on this module. Any doubt rebuilds the index.
"""

import hashlib
import json
import os
import stat
import sys
import time
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.errors import PluginError, StoreError
from zoo.home import cache_dir, plugin_folders, state_file, writing
from zoo.plugins.entries import Entry, Index, entry_of, link, plugin_problem
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


def load_index(*, rebuild: bool = False, strict: bool | None = None) -> Index:
    """The index of what is installed now, from the cache where nothing that matters has changed.

    Where it is to be `strict` (None: where `ZOO_STRICT_PLUGINS` says so), a plugin that is not well raises PluginError.
    """
    key = _key()
    path = index_file(key)
    document = (None if rebuild else _loaded(key) or _read(path, key)) or _make(path, key)
    if document["doubtful"] and time.monotonic() - _asked_at.get(path.name, -DOUBTED_S) > DOUBTED_S:
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
    _asked_at[path.name] = time.monotonic()
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
_asked_at: dict[str, float] = {}
"""When this process asked the plugins, by the name of the index."""
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
    link(entries, Index(entries, plugins))
    return plugins, entries, files, asked
