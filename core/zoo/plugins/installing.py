"""Installing and removing plugins: pip of the running interpreter (uv where there is no pip) in a process of its own.

What deepzoo needs stays as it is. What would be done is told first; what was done is read by a new process, since this one has
imported what was there before.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from zoo.errors import OptionError, PluginError
from zoo.plugins.asked import read_asked
from zoo.plugins.catalogue import KnownPlugin, load_catalogue
from zoo.plugins.index import load_index
from zoo.plugins.names import BUNDLED
from zoo.plugins.needed import closure, installed
from zoo.plugins.planning import Plan, check_needs, failed, resolved, run_installer, static_plan
from zoo.plugins.switches import check_name, forget

READ = "import json; from zoo.plugins.index import load_index; print(json.dumps(load_index(strict=False).plugins))"
ADDING = ("-r", "--requirement", "-e", "--editable")
"""Options of the installer's that add to what is installed."""
PluginFacts = Mapping[str, Any]
"""A plugin as the index has it: `id`, `distribution`, `version`, `state`, `reason`, `hint`, `entries`, …"""


@dataclass(frozen=True)
class Changes:
    """Plugins that came, went, or came in another version or state, as the next command will find them."""

    added: tuple[PluginFacts, ...] = ()
    removed: tuple[PluginFacts, ...] = ()
    changed: tuple[tuple[PluginFacts, PluginFacts], ...] = ()
    """Before and after."""
    plan: Plan = field(default_factory=lambda: Plan(()))
    """What was installed, or would be."""
    done: bool = True
    """Whether it was: not of a plan that was not agreed to, nor of a dry run."""

    @property
    def now(self) -> tuple[PluginFacts, ...]:
        """Those that came or changed, as they are now."""
        return (*self.added, *(after for _, after in self.changed))


def install(
    names: Sequence[str],
    *,
    editable: Sequence[str] = (),
    upgrade: bool = False,
    dry_run: bool = False,
    more: Sequence[str] = (),
    agreed: Callable[[Plan], bool] = lambda plan: True,
) -> Changes:
    """Install plugins by the id that the catalogue knows, or by whatever pip takes: a requirement, a path, an URL.

    `agreed` is asked once with the plan; of what must run code of its own for the plan to be known, before that, too. Nothing is
    installed that would change what deepzoo needs, unless deepzoo itself is named. `more` are further arguments of pip's. Its
    output goes to stderr. Raises PluginError where it fails, and then leaves nothing of it.
    """
    if not names and not editable:
        raise OptionError("nothing to install", "name a plugin, a distribution, or a folder: zoo plugins install ./demo")
    if adding := [option for option in more if not option.startswith("-") or option.startswith(ADDING)]:
        raise OptionError(
            f"`more={adding[0]}` would install what no plan shows", "name plugins as such, and an option with its value in one"
        )
    here = installed()
    asked = read_asked(names, editable, load_catalogue(), list(here))
    held = {} if any(canonicalize_name(one.name) == BUNDLED for one in asked) else closure()
    check_needs(asked, held)
    if any(one.runs_to_tell for one in asked) and not agreed(static_plan(asked)):
        return Changes(plan=static_plan(asked), done=False)
    plan = resolved(asked, held, upgrade, more)
    if not agreed(plan) or dry_run:
        return Changes(plan=plan, done=False)
    before = load_index(strict=False).plugins
    planned = {canonicalize_name(step.name): step.version for step in plan.steps if step.version and not step.editable}
    arguments = ["install", *(["--upgrade"] if upgrade else []), *more, *plan.arguments]
    code, said = run_installer(arguments, shown=True, held=held | planned)
    if code:
        _take_away(here)
        raise failed(" and ".join(step.name for step in plan.steps), said, held)
    return _difference(before, _plugins_now(), plan)


def uninstall(names: Sequence[str]) -> Changes:
    """Remove plugins, by id or distribution, and what the user had set of them. Raises OptionError for unknown ones."""
    plugins = load_index(strict=False).plugins
    found = [_installed(plugins, name) for name in names]
    distributions = list(dict.fromkeys(plugin["distribution"] for plugin in found))
    code, _ = run_installer(["uninstall", "--yes", *distributions], shown=True)
    if code:
        raise PluginError(f"{' and '.join(distributions)} could not be removed", "its reason stands above")
    changes = _difference(plugins, _plugins_now())
    for plugin in changes.removed:
        forget(plugin["id"], plugin["distribution"])
    return changes


def search(word: str = "") -> list[KnownPlugin]:
    """Plugins that the catalogue knows and that mention the word; the user's own entry of an id comes before ours."""
    known = {plugin.id: plugin for plugin in load_catalogue().plugins}
    return [p for p in known.values() if word.lower() in f"{p.id} {p.distribution} {p.summary}".lower()]


def _take_away(before: Mapping[str, str]) -> None:
    """Remove the distributions that an installation has left which failed half-way."""
    left = sorted(name for name in installed() if name not in before)
    if left:
        run_installer(["uninstall", "--yes", *left], shown=True)


def _installed(plugins: Sequence[PluginFacts], name: str) -> PluginFacts:
    """The plugin of an id or distribution. Raises OptionError where it is bundled, several, or none."""
    same = [p for p in plugins if canonicalize_name(p["distribution"]) == canonicalize_name(name) or p["id"] == name]
    theirs = [plugin for plugin in same if not plugin["bundled"]]
    if same and not theirs:
        hint = f"zoo plugins disable {name}" if any(p["id"] == name for p in same) else ""
        raise OptionError(f"{name!r} is part of {BUNDLED} and stays with it", hint)
    if file := next((plugin["file"] for plugin in theirs if plugin["file"]), ""):
        raise OptionError(f"plugin {theirs[0]['id']!r} is a file, and nothing that was installed", f"delete {file}")
    if len(names := {plugin["distribution"] for plugin in theirs}) > 1:
        raise OptionError(f"several distributions have the plugin {name!r}", f"name one of: {', '.join(sorted(names))}")
    if not theirs:
        check_name(plugins, name)
    return theirs[0]


def _plugins_now() -> list[PluginFacts]:
    read = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=False)
    if read.returncode:
        reason = (read.stderr.strip().splitlines() or ["no message"])[-1]
        raise PluginError(f"deepzoo cannot be started any more: {reason}", f"pip install --force-reinstall {BUNDLED}")
    found: list[PluginFacts] = json.loads(read.stdout)
    return found


def _difference(before: Sequence[PluginFacts], after: Sequence[PluginFacts], plan: Plan | None = None) -> Changes:
    old = {(plugin["id"], plugin["distribution"]): plugin for plugin in before}
    new = {(plugin["id"], plugin["distribution"]): plugin for plugin in after}
    return Changes(
        added=tuple(plugin for key, plugin in new.items() if key not in old),
        removed=tuple(plugin for key, plugin in old.items() if key not in new),
        changed=tuple((old[key], plugin) for key, plugin in new.items() if key in old and plugin != old[key]),
        plan=plan or Plan(()),
    )
