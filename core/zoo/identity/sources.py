"""Which source files some modules reach by import, at any distance, and which installed libraries: found without importing.

What is installed by a distribution counts by its version, and is not looked into, unless it is the distribution of the modules
themselves. Of a package that is looked into all files count: a network may be an `.onnx` beside its code.
"""

import ast
import hashlib
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from zoo.identity.files import remembered
from zoo.identity.installed import distributions_of, files_of, plugins_of

TARGET = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_]\w*")
"""A lazy target, as specs have it: its module is imported when it is used."""
BY_LIBRARIES = frozenset(
    (".bin", ".cbm", ".dat", ".engine", ".gguf", ".h5", ".hdf5", ".joblib", ".keras", ".model", ".npz", ".onnx", ".pb", ".pt")
) | {".pth", ".safetensors", ".tflite", ".ts", ".ubj"}
"""Formats that libraries open by themselves, which no watch sees."""
CORE = "zoo"


@dataclass
class Sources:
    """Files by a name that does not depend on where they lie, and the top-level names of libraries."""

    files: dict[str, Path] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)


def reached(modules: Iterable[str], *, whole: bool = True, follow: bool = True) -> Sources:
    """What these modules reach by import. The core is left out: `core_files` are its.

    `whole` takes all files of the packages and distributions that they are part of, else only source files. Without `follow`
    their imports are not looked for.
    """
    names = list(modules)
    find = cache(_spec)  # for as long as it takes: later other modules may be there
    roots = {root for name in names if (root := _root(name, find)) is not None}
    own = {distribution for root in roots for distribution in plugins_of(root.name.partition(".")[0])}
    found, seen = Sources(), set[str]()
    while names:
        name = names.pop()
        root = None if name in seen or name.partition(".")[0] == CORE else _root(name, find)
        seen.add(name)
        if root is None or (root.name in seen and root.name != name):
            continue
        seen.add(root.name)
        top = root.name.partition(".")[0]
        if _is_library(root.path) and not own & set(distributions_of(top)) and distributions_of(top):
            found.libraries.add(top)
        elif not _is_standard(root.path):
            for label, path in root.files(whole):
                found.files[label] = path
                if follow and path.suffix == ".py":
                    names += _imports(path, label, root)
    if whole:
        for distribution in sorted(own):
            found.files.update(files_of(distribution, BY_LIBRARIES))
    return found


def source_of(module: str) -> Path | None:
    """The file of a module. Not imported."""
    spec = _spec(module)
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def core_files(*without: str) -> dict[str, Path]:
    """Source files of the core, but for the packages of it that are named."""
    core = Path(__file__).parents[1]
    root = _Root(CORE, core / "__init__.py", core)
    labelled = ((label.removeprefix(f"{CORE}/"), path) for label, path in root.files(whole=False))
    return {label: path for label, path in labelled if label.partition("/")[0] not in without}


@dataclass(frozen=True)
class _Root:
    """The outermost package with an `__init__`, or the module, that a name is part of."""

    name: str
    path: Path
    folder: Path | None
    """Of a package."""

    def files(self, whole: bool) -> Iterator[tuple[str, Path]]:
        """Each file that counts, by its label: the path as dotted packages have it."""
        base = self.name.replace(".", "/")
        if self.folder is None:
            yield f"{base}{self.path.suffix}", self.path
            beside = self.path.parent
            for pattern in ("*", "*/*") if whole and not _is_library(self.path) else ():
                yield from (
                    (path.relative_to(beside).as_posix(), path)
                    for path in beside.glob(pattern)
                    if path.suffix in BY_LIBRARIES and path.is_file()
                )
            return
        for folder, inner, names in os.walk(self.folder):
            inner[:] = sorted(name for name in inner if name != "__pycache__" and not name.startswith("."))
            under = "/".join((base, *Path(folder).relative_to(self.folder).parts))
            for name in sorted(names):
                if (whole or name.endswith(".py")) and not name.startswith(".") and not name.endswith((".pyc", ".tmp")):
                    yield f"{under}/{name}", Path(folder, name)


def _root(name: str, find: Callable[[str], ModuleSpec | None]) -> _Root | None:
    """The root of a module's name; None where there is no such module, or where Python itself brings it."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        prefix = ".".join(parts[:length])
        spec = find(prefix) or _spec_of_script(name, sys.modules.get(name))
        if spec is None:
            return None
        if spec.has_location and spec.origin:
            path = Path(spec.origin)
            return _Root(prefix, path, path.parent if spec.submodule_search_locations is not None else None)
        if spec.submodule_search_locations is None:  # built in or frozen
            return None
    return None


def _spec(name: str) -> ModuleSpec | None:
    """The spec of a module, with no package above it imported."""
    outer, _, _ = name.rpartition(".")
    where = None
    if outer:
        above = _spec(outer)
        if above is None or above.submodule_search_locations is None:
            return None
        where = getattr(above.submodule_search_locations, "_path", above.submodule_search_locations)
    for finder in sys.meta_path:
        try:
            if spec := finder.find_spec(name, where):
                return spec
        except Exception:  # a finder of somebody's own
            continue
    module = sys.modules.get(name)
    return getattr(module, "__spec__", None) or _spec_of_script(name, module) or _spec_of_folders(name, where or ())


def _spec_of_folders(name: str, where: Iterable[str]) -> ModuleSpec | None:
    """Of a namespace package inside another, whose own finder needs the outer one to be imported."""
    folders = [str(folder) for outer in where if (folder := Path(outer, name.rpartition(".")[2])).is_dir()]
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = folders
    return spec if folders else None


def _spec_of_script(name: str, module: object) -> ModuleSpec | None:
    """Of what was run or made without the import system, such as `__main__`."""
    file = getattr(module, "__file__", None)
    if not file:
        return None
    spec = ModuleSpec(name, None, origin=str(Path(str(file)).absolute()))
    spec.has_location = True
    return spec


def _imports(path: Path, label: str, root: _Root) -> list[str]:
    """Modules that a source file names, absolute; among them names that turn out to be no modules."""
    try:
        content = path.read_bytes()
    except OSError:
        return []
    inside = label.removesuffix(".py").split("/")
    module = ".".join(inside[:-1] if inside[-1] == "__init__" else inside)
    package = module if inside[-1] == "__init__" else module.rpartition(".")[0]
    stamp = hashlib.sha256(content).hexdigest()
    found = remembered(f"imports of {stamp} in {package}", stamp, lambda: _parsed(content, package))
    return [str(name) for name in found]


def _parsed(content: bytes, package: str) -> list[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # a template, or Python 2: it cannot be imported either
        return []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := TARGET.fullmatch(node.value)):
            names.add(found[1])
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__", "find_spec", "importorskip"):
                name = str(node.args[0].value)
                names.add(package + name if name.startswith(".") else name)
    return sorted(name for name in names if name and not name.startswith("."))


@cache
def _standard_folders() -> tuple[str, ...]:
    return tuple({os.path.realpath(sysconfig.get_path(kind)) + os.sep for kind in ("stdlib", "platstdlib")})


def _is_standard(path: Path) -> bool:
    return not _is_library(path) and os.path.realpath(path).startswith(_standard_folders())


def _is_library(path: Path) -> bool:
    """Whether a file lies where installers put packages."""
    return any(part in ("site-packages", "dist-packages") for part in path.parts)
