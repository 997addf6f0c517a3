"""Where files of datasets and weights may lie, and whether they do. Standard library only: `zoo list` lives on this.

A file, a dataset or weights are taken by their attributes, so that the specs of the index, plain JSON, serve as well.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, Literal

from zoo.home import cache_dir, data_dirs

Presence = Literal["yes", "no", "partly", "?"]
"""Whether files are here, not verified; `?` where only a library can tell."""


def cached_path(file: Any, kind: str = "data") -> Path:
    """Where the cache has a file: below a folder named by its hash, so that two files of one name never meet."""
    key = file.sha256 or hashlib.sha256(repr((file.md5, tuple(file.urls), file.member_of)).encode()).hexdigest()
    return cache_dir(kind) / key[:16] / PurePosixPath(file.name).name


def in_package(name: str) -> Path | None:
    """Path of `package/path/in/package`, without importing the package; None where there is no such file."""
    package, _, rest = name.partition("/")
    with suppress(ImportError, ValueError):
        found = importlib.util.find_spec(package)
        for folder in (found.submodule_search_locations or ()) if found else ():
            if (path := Path(folder) / rest).is_file():
                return path
    return None


def find_file(file: Any, folders: Sequence[str], roots: Sequence[Path]) -> Path | None:
    """Where a file that no package bundles lies: in a dataset's folder below a data folder, or in the cache."""
    places = [root / folder / place for root in roots for folder in folders for place in (file.name, *file.aliases)]
    return next((path for path in (*places, cached_path(file)) if path.is_file()), None)


def find_folder(folders: Sequence[str], inside: Sequence[str], roots: Sequence[Path]) -> Path | None:
    """The first of a dataset's folders that holds all of `inside`; None where there is none."""
    found = (root / name for root in roots for name in folders)
    return next((folder for folder in found if all((folder / part).exists() for part in inside)), None)


def weights_places(root: Path, name: str) -> Iterable[Path]:
    """Where a data folder may have a file of weights."""
    return dict.fromkeys([*sorted((root / "weights").rglob(name)), root / name, *sorted(root.glob(f"*/{name}"))])


def dataset_here(spec: Mapping[str, Any]) -> Presence:
    """Whether the files of a dataset are here, by its spec in the index. One that has none is part of a library that is."""
    roots = data_dirs()
    if spec["contents"] and find_folder(spec["folders"], spec["contents"], roots):
        return "yes"
    if not spec["files"]:
        return "no" if spec["contents"] else "yes"
    files = {file["name"]: SimpleNamespace(**file) for file in spec["files"]}

    def here(file: SimpleNamespace) -> bool:
        bundled = next((url for url in file.urls if url.startswith("pkg:")), None)
        if bundled is not None:
            return in_package(bundled.removeprefix("pkg:")) is not None
        return find_file(file, spec["folders"], roots) is not None or (file.member_of is not None and here(files[file.member_of]))

    archives = {file.member_of for file in files.values()}
    return _of([here(file) for name, file in files.items() if name not in archives])


def weights_here(weights: Mapping[str, Any]) -> Presence:
    """Whether the files of some weights are here, by the spec in the index; their hashes are not looked at."""
    if weights["parts"]:
        alone = {"parts": (), "file": None, "sha256": None}
        found = {weights_here({**weights, **alone, "uri": part["uri"]}) for part in weights["parts"]}
        return found.pop() if len(found) == 1 else "?" if "?" in found else "partly"
    scheme, _, rest = weights["uri"].partition(":")
    if scheme == "pkg":
        return _of([in_package(rest) is not None])
    if scheme == "file":
        return _of([Path(rest).expanduser().is_file()])
    name = weights["file"] or PurePosixPath(weights["uri"].partition("?")[0]).name
    file = SimpleNamespace(name=name, sha256=weights["sha256"], md5=None, urls=(weights["uri"],), member_of=None)
    places = [path for root in data_dirs() for path in weights_places(root, name)] if weights["sha256"] else []
    if any(path.is_file() for path in (*places, cached_path(file, "weights"))):
        return "yes"
    return "no" if scheme in ("http", "https") else "?"


def _of(found: Sequence[bool]) -> Presence:
    return "yes" if all(found) else "partly" if any(found) else "no"
