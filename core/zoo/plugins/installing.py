"""Installing and removing plugins: pip of the running interpreter (uv where there is no pip) in a process of its own.

What that changed is read by a new process too, since this one has imported what was there before.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from zoo.errors import OptionError, PluginError
from zoo.plugins.catalogue import Catalogue, KnownPlugin, load_catalogue
from zoo.plugins.index import load_index
from zoo.plugins.names import BUNDLED
from zoo.plugins.switches import check_name, forget

READ = "import json; from zoo.plugins.index import load_index; print(json.dumps(load_index(strict=False).plugins))"
PluginFacts = Mapping[str, Any]
"""A plugin as the index has it: `id`, `distribution`, `version`, `state`, `reason`, `hint`, `entries`, …"""


@dataclass(frozen=True)
class Changes:
    """Plugins that came, went, or came in another version or state, as the next command will find them."""

    added: tuple[PluginFacts, ...] = ()
    removed: tuple[PluginFacts, ...] = ()
    changed: tuple[tuple[PluginFacts, PluginFacts], ...] = ()
    """Before and after."""


def install(
    names: Sequence[str], *, editable: Sequence[str] = (), upgrade: bool = False, dry_run: bool = False, more: Sequence[str] = ()
) -> Changes:
    """Install plugins by the id that the catalogue knows, or by whatever pip takes: a requirement, a path, an URL.

    `more` are further arguments of pip's. Its output goes to stderr. Raises PluginError where it fails.
    """
    if not names and not editable:
        raise OptionError("nothing to install", "name a plugin, a distribution, or a folder: zoo plugins install ./demo")
    known = load_catalogue()
    wanted = [_resolved(name, known) for name in names]
    arguments = ["install", *(["--upgrade"] if upgrade else []), *(["--dry-run"] if dry_run else []), *more]
    for folder in editable:
        arguments += ["--editable", folder]
    return _changes([*arguments, *wanted], f"{' and '.join([*wanted, *editable])} could not be installed", _hint(names))


def uninstall(names: Sequence[str]) -> Changes:
    """Remove plugins, by id or distribution, and what the user had set of them. Raises OptionError for unknown ones."""
    plugins = load_index(strict=False).plugins
    found = [_installed(plugins, name) for name in names]
    distributions = list(dict.fromkeys(plugin["distribution"] for plugin in found))
    changes = _changes(["uninstall", "--yes", *distributions], f"{' and '.join(distributions)} could not be removed", "")
    for plugin in changes.removed:
        forget(plugin["id"], plugin["distribution"])
    return changes


def search(word: str = "") -> list[KnownPlugin]:
    """Plugins that the catalogue knows and that mention the word; the user's own entry of an id comes before ours."""
    known = {plugin.id: plugin for plugin in load_catalogue().plugins}
    return [p for p in known.values() if word.lower() in f"{p.id} {p.distribution} {p.summary}".lower()]


def installer() -> list[str]:
    """The command that installs into the running interpreter's environment. Raises PluginError where there is none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    raise PluginError(f"there is neither pip for {sys.executable} nor uv", f"{sys.executable} -m ensurepip")


def _resolved(name: str, known: Catalogue) -> str:
    """The distribution of a plugin that the catalogue knows by this id; anything else as it is."""
    return next((plugin.distribution for plugin in reversed(known.plugins) if plugin.id == name), name)


def _hint(names: Sequence[str]) -> str:
    """What to do where pip failed: a folder's name alone is not its path."""
    folder = next((name for name in names if Path(name).name == name and (Path(name) / "pyproject.toml").is_file()), None)
    return f"of the folder here: zoo plugins install ./{folder}" if folder else "its reason stands above"


def _installed(plugins: Sequence[PluginFacts], name: str) -> PluginFacts:
    """The plugin of an id or distribution. Raises OptionError where it is bundled, several, or none."""
    same = [p for p in plugins if canonicalize_name(p["distribution"]) == canonicalize_name(name) or p["id"] == name]
    theirs = [plugin for plugin in same if not plugin["bundled"]]
    if same and not theirs:
        hint = f"zoo plugins disable {name}" if any(p["id"] == name for p in same) else ""
        raise OptionError(f"{name!r} is part of {BUNDLED} and stays with it", hint)
    if len(names := {plugin["distribution"] for plugin in theirs}) > 1:
        raise OptionError(f"several distributions have the plugin {name!r}", f"name one of: {', '.join(sorted(names))}")
    if not theirs:
        check_name(plugins, name)
    return theirs[0]


def _changes(arguments: list[str], problem: str, hint: str) -> Changes:
    before = load_index(strict=False).plugins
    command = installer()
    if command[-2:] != ["-m", "pip"]:  # uv is no part of the environment and asks nothing
        arguments = [arguments[0], "--python", sys.executable, *(part for part in arguments[1:] if part != "--yes")]
    sys.stderr.flush()
    done = subprocess.run([*command, *arguments], stdout=sys.stderr.fileno(), check=False)
    if done.returncode:
        raise PluginError(problem, hint)
    return _difference(before, _plugins_now())


def _plugins_now() -> list[PluginFacts]:
    read = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=False)
    if read.returncode:
        reason = (read.stderr.strip().splitlines() or ["no message"])[-1]
        raise PluginError(f"deepzoo cannot be started any more: {reason}", f"pip install --force-reinstall {BUNDLED}")
    found: list[PluginFacts] = json.loads(read.stdout)
    return found


def _difference(before: Sequence[PluginFacts], after: Sequence[PluginFacts]) -> Changes:
    old = {(plugin["id"], plugin["distribution"]): plugin for plugin in before}
    new = {(plugin["id"], plugin["distribution"]): plugin for plugin in after}
    return Changes(
        added=tuple(plugin for key, plugin in new.items() if key not in old),
        removed=tuple(plugin for key, plugin in old.items() if key not in new),
        changed=tuple((old[key], plugin) for key, plugin in new.items() if key in old and plugin != old[key]),
    )
