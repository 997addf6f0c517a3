"""Writing the static manifest of a plugin, for what its wheel packs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from zoo.errors import PluginError, ZooError
from zoo.home import passed_on, writing
from zoo.plugins.candidates import Candidate
from zoo.plugins.discovery import Plugin, ask_one
from zoo.plugins.index import load_index, search_path
from zoo.plugins.manifest import FORMAT, NAME, digest_of, manifest_file, source_files
from zoo.plugins.projects import read_project
from zoo.plugins.switches import check_name

PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from zoo.plugins.manifesting import main; main()"


def make_manifest(plugin: str | Path, *, check: bool = False) -> tuple[Path, bool]:
    """Write the manifest of an installed plugin, by id, or of the project in a folder: its path, and whether it was so already.

    `check` writes nothing. The plugin is asked in a process of its own. Raises OptionError where there is no such plugin or
    project, PluginError where it is not well, or what it offers depends on more than its files.
    """
    candidate, path = _found(plugin)
    command = [sys.executable, "-c", PROGRAM, json.dumps([*path, *search_path()]), json.dumps([vars(candidate), check])]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, **passed_on()},
    )
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PluginError(f"plugin {candidate.id!r} cannot be asked: {reason}", f"zoo plugins check {plugin}") from None
    if isinstance(answer, dict):
        raise PluginError(answer["message"], answer["hint"])
    return Path(answer[0]), bool(answer[1])


def main() -> None:
    """Do what `make_manifest` says, in a process of its own."""
    values, check = json.loads(sys.argv[2])
    try:
        plugin = ask_one(Candidate(**{**values, "requires": tuple(values["requires"])}))
        path = manifest_file(plugin.candidate.module)
        text = json.dumps(_document(plugin), indent=1) + "\n"
        assert path is not None
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        if not (same or check):
            with writing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        print(json.dumps([str(path), same]))
    except ZooError as error:
        print(json.dumps({"message": error.message, "hint": error.hint}))


def _found(plugin: str | Path) -> tuple[Candidate, list[str]]:
    """Of an installed plugin, or of a project, and the folders in which the project's modules lie."""
    text = str(plugin)
    if isinstance(plugin, str) and os.sep not in text and not (Path(text) / "pyproject.toml").is_file():
        plugins = load_index(strict=False).plugins
        check_name(plugins, text)
        facts = next(one for one in plugins if one["id"] == text or f"{one['id']}@{one['distribution']}" == text)
        return Candidate(**{name: facts[name] for name in ("id", "module", "distribution", "version", "file")}), []
    project = read_project(Path(text))
    candidate = Candidate(project.plugin, project.module, project.distribution, project.version)
    return candidate, [str(root) for root in (Path(text).resolve() / "src", Path(text).resolve()) if root.is_dir()]


def _document(plugin: Plugin) -> dict[str, Any]:
    name = f"plugin {plugin.candidate.id!r}"
    if plugin.state != "ok":
        raise PluginError(f"{name} is not well ({plugin.state}): {plugin.reason}", plugin.hint)
    if plugin.unknown:
        why = f"{name} has the hook {plugin.unknown}, of a kind that another plugin declares"
        raise PluginError(why, "it has to be asked beside that plugin, so it can have no manifest")
    own = {str(path) for path in source_files(plugin.candidate.module).values()}
    opened = [path for path in plugin.opened if path not in own and not path.endswith(NAME)]
    depends = [*opened, *(f"the variable {one}" for one in plugin.asked), *([plugin.doubt] if plugin.doubt else [])]
    if depends:
        why = f"what {name} offers depends on more than its code: {', '.join(depends)}"
        raise PluginError(why, "a manifest is for what never changes")
    return {
        "format": FORMAT,
        "plugin": plugin.candidate.id,
        "sources": digest_of(source_files(plugin.candidate.module)),
        **{name: [spec.model_dump(mode="json") for spec in getattr(plugin, name)] for name in ("kinds", "tasks", "modalities")},
        "offered": plugin.offered,
        "namespaces": plugin.namespaces,
        "hooks": plugin.hooks,
    }
