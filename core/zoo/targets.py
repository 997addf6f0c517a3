"""Lazy targets: `"pkg.module:attr"` names what a spec describes, and is imported only when it is used."""

import importlib
from typing import Any

from zoo.errors import PluginError


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
