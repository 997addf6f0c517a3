"""Importing late: what a spec's target `"pkg.module:attr"` names, and the names of our own packages."""

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from zoo.errors import PluginError

__all__ = ["load_target", "quietly"]


class _Quiet:
    """How many blocks on all threads want it quiet, and the level before the first: the last one sets it back.

    None waits for another, since a thread that imports may not wait for one that waits for its import.
    """

    begin = threading.Lock()
    blocks = 0
    before = 0


_quiet = _Quiet()


@contextmanager
def quietly() -> Iterator[None]:
    """Within the block nobody's log tells of warnings: around the import of a library that finds fault with another one."""
    with _quiet.begin:
        if not _quiet.blocks:
            _quiet.before = logging.root.manager.disable
            logging.disable(max(_quiet.before, logging.WARNING))
        _quiet.blocks += 1
    try:
        yield
    finally:
        with _quiet.begin:
            _quiet.blocks -= 1
            if not _quiet.blocks:
                logging.disable(_quiet.before)


def load_target(target: str) -> Any:
    """The attribute that a target names. Raises PluginError where module or attribute is absent."""
    module_name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        hint = (
            f"its plugin is not installed whole: no module {missing}"
            if f"{module_name}.".startswith(f"{missing}.")
            else f"pip install {missing}"
        )
        raise PluginError(f"{target!r} needs the module {missing!r}, which is not installed", hint) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise PluginError(f"module {module_name!r} has no {attribute!r}", f"the spec's target {target!r} is wrong") from error


def exports(
    package: str, homes: Mapping[str, Sequence[str]], renamed: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names are imported from their modules when they are first used.

    So a plugin's entry module may import from it, and costs nothing that it does not use. `renamed` maps a former name to the
    present one and the version since when; it works still, with a ZooDeprecationWarning.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if renamed and name in renamed:
            from zoo.deprecation import warn_deprecated

            present, since = renamed[name]
            warn_deprecated(f"{package}.{name}", f"{package}.{present}", since=since)
            return getattr(sys.modules[package], present)
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(home)
