"""Code in a key: the sources that some targets reach, the files that go with them, the core's own, and versions of libraries."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.identity.files import files_sha256, session
from zoo.identity.installed import distributions_of, names_required, versions
from zoo.identity.sources import Sources, core_files, reached

PREDICTING = ("cards", "counting", "engines", "metric_specs", "metrics", "plugins", "profiling", "storage", "testing", "training")
"""Packages of the core that no prediction depends on: metrics fold what is stored, anew each time."""
TRAINING = ("cards", "counting", "engines", "metric_specs", "plugins", "profiling", "storage", "testing")


@dataclass(frozen=True)
class Code:
    """`identity` is JSON; code of equal identity does the same with the same input. `files` are those that it covers."""

    identity: dict[str, Any]
    files: frozenset[str]
    doubt: str = ""
    """Where this process runs other code than its files hold now."""

    @property
    def sha256(self) -> str:
        """Of all source files and others that go with them."""
        return str(self.identity["files"])


def code_of(targets: Iterable[str | None], *, requires: Iterable[str] = (), files: Mapping[str, Path] | None = None) -> Code:
    """What the code behind lazy targets `"pkg.module:attr"` depends on, with `files` by label that it reads besides."""
    with session():
        found = reached(target.partition(":")[0] for target in targets if target)
        for label, path in (files or {}).items():
            found.files[f"file {label}"] = path
        return _code(found, requires)


def code_of_modules(modules: Iterable[str]) -> Code:
    """What a user's own modules depend on: source files only, as a folder of theirs may hold anything."""
    with session():
        return _code(reached(modules, whole=False), ())


def core_sha256(*without: str) -> str:
    """SHA-256 over the core's own source files, but for the packages of it that are named."""
    with session():
        return _digest(core_files(*without))


def named_files(*values: Any) -> dict[str, Path]:
    """Files that strings among JSON values name, as settings and names of models do: `/path/m.onnx`, `onnx:/path/m.onnx`."""
    found: dict[str, Path] = {}
    for value in values:
        if isinstance(value, Mapping):
            found |= named_files(*value.values())
        elif isinstance(value, (list, tuple)):
            found |= named_files(*value)
        elif isinstance(value, str) and 0 < len(value) < 4096 and "\0" not in value:
            for text in (value, value.partition(":")[2], value.partition("/")[2]):
                found |= _at(text)
    return found


def _at(text: str) -> dict[str, Path]:
    """The file of a text; of a folder, which a bare word is not taken for, all files in it."""
    path = Path(text).expanduser() if text else None
    try:
        if path is None or not path.exists():
            return {}
        if path.is_file():
            return {text: path}
    except (OSError, RuntimeError):
        return {}
    if not path.is_absolute() or len(path.parts) < 3:
        return {}
    inside = sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    return {f"{text}/{file.relative_to(path).as_posix()}": file for file in inside if file.is_file()}


def _code(found: Sources, requires: Iterable[str]) -> Code:
    libraries = {"torch", *names_required(requires)}
    libraries.update(name for top in found.libraries for name in distributions_of(top))
    identity = {
        "files": _digest(found.files),
        "libraries": versions(libraries),
        "python": platform.python_version(),
    }
    files = frozenset(os.path.realpath(path) for path in found.files.values())
    return Code(identity, files, _edited(files, {label.partition("/")[0].removesuffix(".py") for label in found.files}))


_looked: dict[str, tuple[str, Any]] = {}
"""A source file to its hash, and the spec of its module, where it was imported by then; a reload gives another spec."""


def _edited(files: frozenset[str], tops: set[str]) -> str:
    """Which module, of these top-level names, may have been imported from an older state of its file."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in tops]
    pairs = [(getattr(module, "__file__", None), getattr(module, "__spec__", None)) for module in modules]
    specs = {os.path.realpath(file): spec for file, spec in pairs if file and spec}
    sources = [path for path in files if path.endswith(".py")]
    for path, now in zip(sources, files_sha256(sources), strict=True):
        spec = specs.get(path)
        before, earlier = _looked.get(path, (now, spec))
        if spec is not None and now != before and (earlier is None or earlier is spec):
            return f"{path} was edited after this process imported it"
        _looked[path] = (now, spec)
    return ""


def _digest(files: Mapping[str, Path]) -> str:
    """Over labels and contents; a file that cannot be read is part of it as such."""
    labels = sorted(files)
    rows = list(zip(labels, files_sha256([files[label] for label in labels], "cannot be read"), strict=True))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
