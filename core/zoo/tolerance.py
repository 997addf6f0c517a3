"""Metadata of a distribution that cannot be read costs that distribution, not whoever lists all entry points, as torch does."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def tolerate_damage() -> None:
    """In this process a damaged `entry_points.txt` declares nothing, and bytes that are no text are read as far as they are.

    For programs of our own: a library changes no other one. It costs nothing where `importlib.metadata` is not imported.
    """
    if (module := sys.modules.get("importlib.metadata")) is not None:
        _mend(module)
    else:
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds `importlib.metadata`, once, and mends it as soon as it is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name != "importlib.metadata":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            load: Any = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                _mend(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _mend(module: Any) -> None:
    found = module.Distribution.entry_points.fget
    if getattr(found, "tolerant", False):
        return

    def entry_points(self: Any) -> Any:
        try:
            return found(self)
        except Exception:  # bytes that are no text, lines that are no pairs: whose they are, `zoo plugins list` says
            return module.EntryPoints(())

    read = module.PathDistribution.read_text

    def read_text(self: Any, filename: str) -> Any:
        try:
            return read(self, filename)
        except UnicodeDecodeError:
            return self._path.joinpath(filename).read_text(encoding="utf-8", errors="replace")

    entry_points.tolerant = True  # type: ignore[attr-defined]
    module.Distribution.entry_points = property(entry_points)
    module.PathDistribution.read_text = read_text
