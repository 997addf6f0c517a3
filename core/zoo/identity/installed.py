"""What is installed: which distributions bring which top-level names, their files, and their exact versions."""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from zoo.identity.files import remembered, settled

OURS = "deepzoo"


def distributions_of(top: str) -> list[str]:
    """Distributions that bring a top-level package or module, by their names."""
    found: list[str] = _installed()["tops"].get(top, [])
    return found


def plugins_of(top: str) -> set[str]:
    """Those of them that are plugins, whose files count, not only their version."""
    return set(distributions_of(top)) & set(_installed()["plugins"])


def files_of(distribution: str, suffixes: Collection[str]) -> dict[str, Path]:
    """What another distribution than ours brings: its recorded files; of one in its author's own folder those with a suffix."""
    if distribution == OURS:
        return {}
    found: dict[str, Path] = {}
    if (folder := _installed()["projects"].get(distribution)) is not None:
        for above, inner, names in os.walk(folder):
            inner[:] = sorted(name for name in inner if not name.startswith(".") and not Path(above, name, "pyvenv.cfg").exists())
            paths = [Path(above, name) for name in sorted(names)]
            found.update({f"./{path.relative_to(folder).as_posix()}": path for path in paths if path.suffix in suffixes})
        return found
    for file in metadata.distribution(distribution).files or ():
        if ".dist-info" not in file.parts[0] and "__pycache__" not in file.parts and not str(file).startswith(".."):
            path = Path(str(file.locate()))
            found.update({str(file): path} if path.is_file() else {})
    return found


def versions(names: Iterable[str]) -> dict[str, str]:
    """Exact versions of distributions, and of all that they require in turn; `absent` where one is not installed."""
    wanted: list[str] = sorted({canonicalize_name(name) for name in names})
    found: dict[str, str] = _kept(f"versions of {wanted}", _stamp(_installed()["folders"]), lambda: _versions(wanted))
    return found


def required(distribution: str) -> dict[str, str]:
    """Exact versions of what a distribution itself requires here; `absent` where one is not installed."""

    def read() -> dict[str, str]:
        try:
            names = names_required(metadata.distribution(distribution).requires or ())
        except metadata.PackageNotFoundError:
            return {}
        return {name: _version(name) for name in sorted(set(names))}

    found: dict[str, str] = _kept(f"required by {distribution}", _stamp(_installed()["folders"]), read)
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def _versions(wanted: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in wanted:
                found[name] = "absent"
            continue
        found[name] = str(distribution.version)
        waiting += names_required(distribution.requires or ())
    return dict(sorted(found.items()))


def names_required(lines: Iterable[str]) -> list[str]:
    """Distributions that requirements ask for on this machine; a line that is none is passed over."""
    names: list[str] = []
    for line in lines:
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                names.append(canonicalize_name(requirement.name))
        except (InvalidRequirement, ValueError):
            continue
    return names


def _installed() -> dict[str, Any]:
    """`tops`: top-level name to distributions; `projects`: distribution to its author's own folder, where it is installed from
    there; `plugins` among them; and `folders` of the search path that have any."""
    entries = list(dict.fromkeys(entry or os.curdir for entry in sys.path))
    # Each folder's own part is kept across processes, the whole in this one only.
    found: dict[str, Any] = _kept("installed", (_stamp(entries)[0], False), lambda: _merged(entries))
    return found


def _merged(entries: Iterable[str]) -> dict[str, Any]:
    tops: dict[str, list[str]] = {}
    projects: dict[str, str] = {}
    folders, plugins = [], []
    for entry in entries:
        found = _kept(f"installed in {entry}", _stamp([entry]), lambda entry=entry: _read(entry))  # type: ignore[misc]
        projects = found["projects"] | projects
        folders += [entry] if found["any"] else []
        plugins += found["plugins"]
        for top, names in found["tops"].items():
            tops[top] = sorted({*tops.get(top, ()), *names})
    return {"tops": tops, "projects": projects, "folders": folders, "plugins": plugins}


def _read(entry: str) -> dict[str, Any]:
    tops: dict[str, list[str]] = {}
    projects: dict[str, str] = {}
    plugins = []
    found = list(metadata.distributions(path=[entry]))
    for distribution in found:
        try:
            name = canonicalize_name(distribution.metadata["Name"])
            origin = json.loads(distribution.read_text("direct_url.json") or "{}")
            if origin.get("dir_info", {}).get("editable"):
                projects[name] = unquote(urlsplit(origin["url"]).path)
            plugins += [name] if "[zoo]" in (distribution.read_text("entry_points.txt") or "") else []
            for top in _tops(distribution):
                tops.setdefault(top, []).append(name)
        except Exception:  # what is left of a distribution by an uninstall that failed concerns nobody here
            continue
    return {"tops": tops, "projects": projects, "plugins": plugins, "any": bool(found)}


def _tops(distribution: metadata.Distribution) -> set[str]:
    """Top-level names that a distribution says it has, or that its record of files shows."""
    recorded = (line.partition(",")[0].strip('"') for line in (distribution.read_text("RECORD") or "").splitlines())
    found = {path.partition("/")[0].removesuffix(".py") for path in recorded if path.endswith((".py", ".so", ".pyd"))}
    said = (distribution.read_text("top_level.txt") or "").split()
    return {*said, *(name.partition(".")[0] for name in found if name not in ("..", ""))}


_memory: dict[tuple[str, str], Any] = {}


def _kept(name: str, stamp: tuple[str, bool], make: Callable[[], Any]) -> Any:
    """In this process by the stamp of folders, and across processes where that can be trusted."""
    shown, trusted = stamp
    if (name, shown) not in _memory:
        _memory[name, shown] = remembered(name, shown if trusted else "", make)
    return _memory[name, shown]


def _stamp(entries: Iterable[str]) -> tuple[str, bool]:
    """What changes when something is installed or removed in folders, and whether no change can have been missed."""
    stamps = []
    for entry in entries:
        try:
            status = os.stat(entry or ".")
        except OSError:
            continue
        stamps.append((entry, status.st_mtime_ns, status.st_ctime_ns))
    return repr((sys.version, stamps)), settled([when for _, *times in stamps for when in times])
