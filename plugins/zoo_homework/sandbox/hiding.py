"""What a stranger's program must not see though it lies among what it is shown: labels, wherever copies of them are.

The same folder can be shown at two paths, an environment can hold a second copy of a package, and data can lie below it. So the
shown folders are searched for what is named as the labels' files and packages, instead of trusting where they should be.
"""

import os
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

View = tuple[tuple[str, str], ...]
"""Folders and files of this machine, and where a program sees them."""


@lru_cache(maxsize=8)
def hidden_paths(view: View, packages: frozenset[str], files: frozenset[str], folders: tuple[str, ...]) -> tuple[str, ...]:
    """Paths, as a program would name them, of the packages and files of these names, and of whatever lies in `folders`."""
    found: list[str] = []
    for source, target in view:
        real = os.path.realpath(source)
        below = [_below(os.path.realpath(folder), real) for folder in folders]
        found += [f"{target}{rest}" for rest in below if rest is not None]
        found += [target + path.removeprefix(real) for path in _named(real, packages, files)]
    return tuple(sorted(set(found)))


def is_shown(view: View, path: Path) -> bool:
    """Whether a program would see a path of this machine."""
    return any(_below(os.path.realpath(path), os.path.realpath(source)) is not None for source, _ in view)


def _below(path: str, root: str) -> str | None:
    """What follows `root` in a path that lies there; None where it does not."""
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else None


def _named(root: str, packages: Collection[str], files: Collection[str]) -> Iterator[str]:
    if Path(root).name in packages:
        yield root
        return
    for folder, inside, names in os.walk(root):
        hidden = [name for name in inside if name in packages and Path(folder, name, "__init__.py").exists()]
        inside[:] = [name for name in inside if name not in hidden]
        yield from (f"{folder}/{name}" for name in (*hidden, *(name for name in names if name in files)))
