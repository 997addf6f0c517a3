"""What somebody asks to be installed: an id that the catalogue knows, a folder, a file, an address, or a name on an index.

It is looked at here without running anything of it: no build, no import.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from zoo.errors import OptionError, PluginError, reason_of
from zoo.home import offline_forced
from zoo.plugins.catalogue import Catalogue, KnownPlugin
from zoo.plugins.names import BUNDLED
from zoo.version import __version__
from zoo.wording import harmless, without_secrets

Origin = Literal["index", "folder", "wheel", "archive", "address", "vcs"]
"""`archive` is a file of sources; `address` one that is downloaded."""
ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
FILLERS = {"zoo", "deepzoo", "plugin", "plugins", "py", "python"}
"""Parts of a distribution's name that tell one plugin from no other."""
UNSAID = "nobody who is named"
LOOKALIKES = str.maketrans("01", "ol")


@dataclass(frozen=True)
class Asked:
    """One thing that is to be installed."""

    argument: str
    """As pip and uv take it."""
    origin: Origin
    name: str = ""
    """Of the distribution, where it is known without running anything."""
    version: str = ""
    place: str = ""
    """Where it comes from, for people."""
    publisher: str = ""
    """Who publishes it, by the catalogue; empty where that has no entry of it."""
    needs: tuple[str, ...] | None = None
    """What it requires, where that is known without running anything: of a folder whose pyproject.toml says all."""
    editable: bool = False

    @property
    def runs_to_tell(self) -> bool:
        """Whether its own code must run before it is known what it would install."""
        addresses = [Requirement(need).url for need in self.needs or ()]
        sources = [address for address in addresses if address and not address.partition("#")[0].endswith(".whl")]
        return bool(sources) or (self.needs is None and self.origin in ("folder", "archive", "vcs"))


def read_asked(names: Sequence[str], editable: Sequence[str], known: Catalogue, installed: Sequence[str]) -> list[Asked]:
    """What the names mean. Raises OptionError or PluginError where one means nothing, or perhaps something else than it says.

    `installed` are the distributions that are here: their names are meant.
    """
    for name in (*names, *editable):
        if not name.strip() or name.startswith("-") or harmless(name) != name or "\n" in name:
            raise OptionError(f"{harmless(name)!r} is no name of a plugin", "options of the installer's own are given by `more`")
    found = [_named(name, known, installed) for name in names]
    for folder in editable:
        found.append(replace(_folder(*_with_extras(folder), editable=True), publisher=_publisher(known, _with_extras(folder)[0])))
    far = [one for one in found if one.origin in ("index", "address", "vcs") and "+file:" not in one.argument]
    if far and offline_forced():
        raise PluginError(
            f"{far[0].name or far[0].place} is fetched from {far[0].place}, and ZOO_OFFLINE forbids the network",
            "unset ZOO_OFFLINE, or name a folder or a wheel that is here",
        )
    return found


def _named(name: str, known: Catalogue, installed: Sequence[str]) -> Asked:
    if entry := known.plugin(name):
        return _of_catalogue(entry)
    path, extras = _with_extras(name)
    is_path = "/" in name or name.startswith(".") or name.endswith((".whl", *ARCHIVES))
    if "://" in name or re.match(r"[\w.-]+(\[[^\]]*\])?\s*@\s*\S", name):
        return _address(name)
    if is_path:
        if Path(path).expanduser().is_dir():
            return replace(_folder(path, extras), publisher=_publisher(known, path))
        return _file(path, extras)
    try:
        asked = Requirement(name)
    except InvalidRequirement as error:
        hint = "zoo plugins search lists those that are known"
        raise OptionError(f"{name!r} is no plugin, no distribution and no path", hint) from error
    _refuse_unmeant(name, asked, known, installed)
    return Asked(str(asked), "index", name=asked.name, place="the package index")


def _of_catalogue(entry: KnownPlugin) -> Asked:
    """What the catalogue has under an id. Raises PluginError where it does not fit this deepzoo, or lies elsewhere."""
    from packaging.specifiers import SpecifierSet

    if entry.requires and not SpecifierSet(entry.requires).contains(__version__, prereleases=True):
        why = f"plugin {entry.id!r} needs deepzoo {entry.requires} by the catalogue, and this is {__version__}"
        raise PluginError(why, f"zoo plugins install --upgrade {BUNDLED}")
    publisher = entry.publisher or UNSAID
    if entry.folder:
        if not (Path(entry.folder) / "pyproject.toml").is_file():
            where = f" of {entry.homepage}" if entry.homepage else ""
            raise PluginError(
                f"plugin {entry.id!r} is on no index: it lies in the repository{where}, which is not here",
                f"get the repository, then: zoo plugins install ./{'/'.join(Path(entry.folder).parts[-2:])}",
            )
        found = _folder(entry.folder, "")
    elif Requirement(entry.distribution).url:
        found = _address(entry.distribution)
    else:
        found = Asked(entry.distribution, "index", name=Requirement(entry.distribution).name, place="the package index")
    return replace(found, publisher=publisher)


def _publisher(known: Catalogue, path: str) -> str:
    """Who publishes what lies in a folder, where the catalogue has an entry of just that folder."""
    here = Path(path).expanduser().resolve()
    return next((one.publisher or UNSAID for one in known.plugins if one.folder and Path(one.folder).resolve() == here), "")


def _address(name: str) -> Asked:
    """`name @ URL`, or a URL alone; one of `file:` is a path."""
    head, at, url = name.partition("@") if re.match(r"[\w.-]+(\[[^\]]*\])?\s*@", name) else ("", "", name)
    project, extras = _with_extras(head.strip())
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise OptionError(f"{without_secrets(url)!r} is no address: {error}", "write https://HOST/PATH") from error
    if parts.scheme == "file":
        path = url2pathname(parts.path)
        found = _folder(path, extras) if Path(path).is_dir() else _file(path, extras)
        return replace(found, argument=name if at else found.argument)
    place = without_secrets(url)
    if "+" in parts.scheme:
        return Asked(name, "vcs", name=project, place=place)
    return Asked(name, "address" if parts.path.endswith(".whl") else "archive", name=project, place=place)


def _file(path: str, extras: str) -> Asked:
    if not Path(path).expanduser().is_file():
        raise PluginError(f"there is no folder or file {path}", "zoo plugins search lists the plugins that are known by name")
    if path.endswith(".whl"):
        name, version, *_ = [*Path(path).name.removesuffix(".whl").split("-"), ""]
        return Asked(path + extras, "wheel", name=name.replace("_", "-"), version=version, place=f"the file {path}")
    if not path.endswith(ARCHIVES):
        raise PluginError(f"{path} is neither a folder of a project, nor a wheel, nor an archive of sources", "name one of these")
    return Asked(path + extras, "archive", place=f"the file {path}")


def _folder(path: str, extras: str, *, editable: bool = False) -> Asked:
    folder = Path(path).expanduser()
    if not (folder / "pyproject.toml").is_file() and not (folder / "setup.py").is_file():
        raise PluginError(f"{path} has no pyproject.toml, so it is no project", "zoo plugins new NAME writes one")
    argument = str(folder) if folder.is_absolute() or str(folder).startswith(".") else f"./{folder}"
    project = _project(folder)
    dynamic = project.get("dynamic", ())
    told = "name" in project and "dependencies" not in dynamic and "optional-dependencies" not in dynamic
    try:
        needs = tuple(_needs(project, set(re.findall(r"[\w.-]+", extras)))) if told else None
    except (InvalidRequirement, TypeError, AttributeError) as error:
        raise PluginError(f"what {path} requires cannot be read: {reason_of(error)}", "correct its pyproject.toml") from error
    return Asked(
        argument + extras,
        "folder",
        name=project.get("name", ""),
        version=project.get("version", ""),
        place=f"the folder {path}",
        needs=needs,
        editable=editable,
    )


def _project(folder: Path) -> dict[str, Any]:
    """The table `project` of a folder's pyproject.toml, as far as it is as it must be."""
    try:
        found = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PluginError(f"{folder / 'pyproject.toml'} cannot be read: {' '.join(str(error).split())}", "correct it") from error
    is_whole = isinstance(found, dict) and isinstance(found.get("name", ""), str) and isinstance(found.get("version", ""), str)
    return found if is_whole else {}


def _needs(project: dict[str, Any], extras: set[str]) -> list[str]:
    """The requirements of a project with some of its extras; those extras may name others of the same project."""
    optional = {canonicalize_name(name): needs for name, needs in project.get("optional-dependencies", {}).items()}
    required = project.get("dependencies", [])
    if not isinstance(required, list):
        raise TypeError("dependencies is no list")
    needs = [str(Requirement(need)) for need in required]
    wanted = {canonicalize_name(extra) for extra in extras}
    seen: set[str] = set()
    while wanted - seen:
        extra = sorted(wanted - seen)[0]
        seen.add(extra)
        for need in optional.get(extra, ()):
            if canonicalize_name(Requirement(need).name) == canonicalize_name(project["name"]):
                wanted |= {canonicalize_name(other) for other in Requirement(need).extras}
            else:
                needs.append(need)
    return needs


def _with_extras(name: str) -> tuple[str, str]:
    """`./demo[dev]` as `./demo` and `[dev]`."""
    found = re.fullmatch(r"(.*?)(\[[\w.,\s-]*\])?", name, re.DOTALL)
    return (found[1], found[2] or "") if found else (name, "")


def _refuse_unmeant(name: str, asked: Requirement, known: Catalogue, installed: Sequence[str]) -> None:
    """Raise PluginError where a name may be meant for something else than what an index has under it.

    Whoever writes versions behind it means an index; what is installed already is meant, too.
    """
    project = canonicalize_name(asked.name)
    if (entry := known.plugin(asked.name)) and entry.folder:
        raise PluginError(f"{entry.distribution} is on no index: it lies in the repository", f"zoo plugins install {entry.id}")
    here = Path(asked.name)
    if asked.specifier or project in (*installed, BUNDLED) or entry:
        return
    deliberate = f"of the index all the same: zoo plugins install '{asked.name}>=0'"
    if (here / "pyproject.toml").is_file() or (here / "setup.py").is_file():
        why = f"{name!r} may be the folder here, or what an index has by that name"
        raise PluginError(why, f"of the folder here: zoo plugins install ./{here}; {deliberate}")
    from zoo.plugins.index import load_index

    bundled = [plugin["id"] for plugin in load_index(strict=False).plugins if plugin["bundled"]]
    if same := next((one for one in bundled if _core_of(one) == _core_of(project)), None):
        raise PluginError(f"{name!r} is, or looks like, {same!r}, which is part of {BUNDLED} already", deliberate)
    others = [BUNDLED, *bundled, *(word for plugin in known.plugins for word in (plugin.id, plugin.project))]
    if near := next((one for one in others if _is_near(project, one)), None):
        hint = f"did you mean zoo plugins install {near}? {deliberate}"
        raise PluginError(f"{name!r} is not known, and looks like {near!r}", hint)


def _core_of(name: str) -> str:
    """What of a name tells it from others: `onnx` of `zoo-onnx`, `py_0nnx`."""
    parts = [part for part in re.split(r"[-_.]+", name.lower().translate(LOOKALIKES)) if part not in FILLERS]
    return "".join(parts)


def _is_near(name: str, other: str) -> bool:
    """Whether a name is another's but for what a slip of the finger changes: a letter in four to seven, two in more."""
    first, second = _core_of(name) or name, _core_of(other) or other
    if first == second or name.replace("-", "") == other.replace("-", ""):
        return True
    longest = max(len(first), len(second))
    return longest >= 4 and _edits(first, second) <= (1 if longest < 8 else 2)


def _edits(first: str, second: str) -> int:
    """How many letters are put in, left out, or written otherwise between two words; two that changed places are one."""
    rows = [list(range(len(second) + 1))]
    for i, letter in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
