"""Candidates: what claims to be a plugin, found without importing it, and what can be refused by that alone.

An entry point of group `zoo` of an installed distribution, or one `.py` file in a folder of the user's.
"""

import hashlib
import importlib.util
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from zoo.home import plugin_folders
from zoo.plugins.hooks import ID, shadowed
from zoo.plugins.names import BUNDLED
from zoo.plugins.switches import allowed_ids
from zoo.version import __version__

GROUP = "zoo"
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Candidate:
    """What claims to be a plugin, before anything is imported."""

    id: str
    module: str
    distribution: str
    """Or, of a single file, its name."""
    version: str
    requires: tuple[str, ...] = ()
    file: str = ""
    """Path of a plugin that is a single file in a folder of the user's; its version is of its content."""

    @property
    def bundled(self) -> bool:
        return not self.file and canonicalize_name(self.distribution) == BUNDLED

    def is_among(self, disabled: Collection[str]) -> bool:
        """Whether it is disabled: by id, or, where two distributions share one, by `id@distribution`."""
        return self.id in disabled or f"{self.id}@{self.distribution}" in disabled


def candidates(path: Sequence[str]) -> list[Candidate]:
    """All that there are, bundled ones first. A distribution that is found twice counts once, the first, as for an import."""
    found = []
    for name in dict.fromkeys(_names(path)):
        with suppress(Exception):  # as below
            distribution = next(iter(metadata.distributions(name=name, path=list(path))))
            title, version, requires = distribution.metadata["Name"], distribution.version, tuple(distribution.requires or ())
            found += [Candidate(*entry, title, version or "?", requires) for entry in _entries(distribution, name)]
    found += [_of_file(file) for folder in plugin_folders() for file in _files(folder)]
    return sorted(found, key=lambda candidate: (not candidate.bundled, candidate.id, candidate.distribution))


def refusal(candidate: Candidate, others: Sequence[Candidate], disabled: Collection[str]) -> tuple[str, str, str] | None:
    """State, reason and hint, where a candidate need not be asked to know that it cannot be used."""
    disable = f"zoo plugins disable {candidate.id}@{candidate.distribution}"
    if candidate.is_among(disabled):
        return "disabled", "disabled by the user", f"zoo plugins enable {candidate.id}"
    if refused := _not_let_in(candidate) or _malformed(candidate):
        return refused
    rivals = [other for other in others if other.id == candidate.id and other is not candidate]
    if any(other.bundled for other in rivals):
        return "conflict", f"id {candidate.id!r} is reserved by {BUNDLED}", removal(candidate)
    if enabled := [other.distribution for other in rivals if not other.is_among(disabled)]:
        who = " and ".join(enabled)
        return None if candidate.bundled else ("conflict", f"{who} has the plugin id {candidate.id!r} too", disable)
    if wanted := _unmet_range(candidate):
        why = f"needs deepzoo {wanted}, this is {__version__}"
        return "incompatible", why, f"zoo plugins install --upgrade {BUNDLED} {candidate.distribution}"
    return None


def removal(candidate: Candidate) -> str:
    """How to be rid of it."""
    return f"delete or rename {candidate.file}" if candidate.file else f"zoo plugins uninstall {candidate.distribution}"


def update(candidate: Candidate) -> str:
    """What to do about a plugin that is wrong: correct it, where it is its author's own file or folder."""
    if candidate.file:
        return f"correct {candidate.file}"
    try:
        origin = json.loads(metadata.distribution(candidate.distribution).read_text("direct_url.json") or "{}")
        source = importlib.util.find_spec(candidate.module.partition(".")[0])
    except (metadata.PackageNotFoundError, ImportError, ValueError, OSError):
        origin, source = {}, None
    if origin.get("dir_info", {}).get("editable") and source is not None and source.origin:
        return f"correct {source.origin}"
    return f"zoo plugins install --upgrade {candidate.distribution}"


def absent(candidate: Candidate) -> Iterator[str]:
    """Requirements of the distribution that are not installed, quoted for a shell where need be."""
    for requirement in _requirements(candidate):
        try:
            metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"'{requirement.name}{requirement.specifier}'" if requirement.specifier else requirement.name


def _names(path: Sequence[str]) -> Iterator[str]:
    """Names of distributions that mention our group. Only theirs are read from metadata, which takes a millisecond each."""
    for distribution in metadata.distributions(path=list(path)):
        # Whatever is wrong with a distribution, or left of one by an uninstall that failed, concerns nobody here.
        with suppress(Exception):
            if f"[{GROUP}]" in _entry_points(distribution):
                yield canonicalize_name(distribution.metadata["Name"])


def _entry_points(distribution: metadata.Distribution) -> str:
    """The text that declares entry points, whatever bytes are in it."""
    try:
        return distribution.read_text("entry_points.txt") or ""
    except UnicodeDecodeError:
        folder: Any = getattr(distribution, "_path")  # noqa: B009
        return (Path(str(folder)) / "entry_points.txt").read_text("utf-8", errors="replace")


def _entries(distribution: metadata.Distribution, name: str) -> list[tuple[str, str]]:
    """Id and module of each entry point of our group; a file that cannot be read gives one without a module."""
    try:
        return [(entry.name, entry.value) for entry in distribution.entry_points if entry.group == GROUP]
    except Exception:
        return [(name, "")]


def _files(folder: Path) -> list[Path]:
    """Plugins of one file each in a folder; a name that begins with `_` is of what they share."""
    try:
        return sorted(path for path in folder.glob("*.py") if not path.name.startswith(("_", ".")) and path.is_file())
    except OSError:
        return []


def _of_file(path: Path) -> Candidate:
    """The candidate that one file is: its id is its name."""
    try:
        version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        version = "?"
    return Candidate(path.stem.replace("_", "-"), path.stem, path.name, version, file=str(path))


def _not_let_in(candidate: Candidate) -> tuple[str, str, str] | None:
    allowed = allowed_ids()
    if allowed is None or candidate.id in allowed or candidate.bundled:
        return None
    if not allowed:
        return "disabled", "all plugins by others are left out", "unset ZOO_PLUGINS, which `zoo --no-plugins` empties"
    return "disabled", "not named in ZOO_PLUGINS", f"add {candidate.id} to ZOO_PLUGINS, or unset it"


def _malformed(candidate: Candidate) -> tuple[str, str, str] | None:
    if not ID.fullmatch(candidate.id):
        return "invalid", f"its id {candidate.id!r} is not of the form [a-z][a-z0-9-]*", update(candidate)
    if not candidate.module:
        return "invalid", "its entry_points.txt cannot be read", update(candidate)
    if not MODULE.fullmatch(candidate.module):
        return "invalid", f"its entry point names {candidate.module!r}, which is no module", update(candidate)
    if not candidate.bundled and (why := shadowed(candidate.id)):
        return "invalid", f"its id {candidate.id!r} {why}", update(candidate)
    if candidate.file and (other := _module_of_that_name(candidate)):
        return "invalid", f"a module {candidate.module!r} is there already: {other}", f"rename {candidate.file}"
    return None


def _module_of_that_name(candidate: Candidate) -> str:
    """What Python would import instead of a plugin's file."""
    import sys

    if candidate.module in sys.stdlib_module_names:
        return "Python's own"
    spec = PathFinder.find_spec(candidate.module)
    where = (spec.origin or "a package") if spec is not None else ""
    return "" if where == candidate.file else where


def _unmet_range(candidate: Candidate) -> str:
    """The range of deepzoo versions that the distribution asks for, where this version is outside it."""
    for requirement in _requirements(candidate):
        if canonicalize_name(requirement.name) == BUNDLED and not requirement.specifier.contains(__version__, prereleases=True):
            return str(requirement.specifier)
    return ""


def _requirements(candidate: Candidate) -> Iterator[Requirement]:
    """What the distribution requires here; a line that cannot be read is passed over, as pip refuses it anyway."""
    for text in candidate.requires if not candidate.bundled else ():
        try:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement
        except (InvalidRequirement, ValueError):
            continue
