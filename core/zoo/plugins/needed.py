"""What deepzoo needs as it is installed here, which no plugin changes; and what is installed at all."""

import importlib
from collections.abc import Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from zoo.plugins.names import BUNDLED


def closure() -> dict[str, str]:
    """Distributions that deepzoo needs as it is installed here, itself and the extras in use among them: name to version."""
    found: dict[str, str] = {}
    left: list[tuple[str, frozenset[str]]] = [(BUNDLED, frozenset(_extras_in_use()))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while left:
        name, extras = item = left.pop()
        version = installed_version(name)
        if item in seen or version is None:
            continue
        seen.add(item)
        found[name] = version
        for need in _requirements_of(name):
            if counts(need, extras):
                left.append((canonicalize_name(need.name), frozenset(need.extras)))
    return dict(sorted(found.items()))


def installed() -> dict[str, str]:
    """All distributions that are here now, name to version, whatever this process has read before."""
    importlib.invalidate_caches()
    return {canonicalize_name(one.metadata["Name"]): one.version for one in metadata.distributions() if one.metadata["Name"]}


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _extras_in_use() -> list[str]:
    """Extras of deepzoo all of whose requirements are installed."""
    try:
        named = metadata.metadata(BUNDLED).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []
    needs = _requirements_of(BUNDLED)

    def only_with(extra: str) -> list[Requirement]:
        return [need for need in needs if counts(need, frozenset([extra])) and not counts(need, frozenset())]

    return [extra for extra in named if all(installed_version(need.name) for need in only_with(extra))]


def _requirements_of(name: str) -> list[Requirement]:
    try:
        return parsed(metadata.requires(name) or ())
    except metadata.PackageNotFoundError:
        return []


def parsed(texts: Sequence[str]) -> list[Requirement]:
    found = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue
    return found


def counts(need: Requirement, extras: frozenset[str]) -> bool:
    """Whether a requirement holds here, of a distribution with these extras."""
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (extras or {""}))
