"""Checking one plugin: in processes of its own, so that one that crashes, hangs or imports the world costs a finding."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import OptionError, PluginError
from zoo.home import passed_on
from zoo.plugins.index import load_index
from zoo.testing.findings import Finding, Report

OFFLINE = {
    "ZOO_OFFLINE": "1",
    "ZOO_STRICT_PLUGINS": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_XET": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
"""So that libraries know, too; and on the CPU, where equal means equal."""


def check_plugin(plugin: str | Path, *, behaviour: bool = True, timeout: float = 900) -> Report:
    """Every check on an installed plugin, by id, or on the project in a folder, which is built and installed elsewhere.

    `behaviour` False leaves out what runs models and metrics. Raises OptionError where there is no such plugin or project,
    PluginError where the project cannot be built.
    """
    text = str(plugin)
    if isinstance(plugin, Path) or os.sep in text or (Path(text) / "pyproject.toml").is_file():
        return _check_project(Path(plugin), behaviour, timeout)
    from zoo.plugins.switches import check_name

    plugins = load_index(strict=False).plugins
    check_name(plugins, text)
    facts = next(p for p in plugins if p["id"] == text or f"{p['id']}@{p['distribution']}" == text)
    return _report(facts, behaviour, timeout, {})


def _check_project(folder: Path, behaviour: bool, timeout: float) -> Report:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name = project["name"]
        (plugin, *_) = project["entry-points"]["zoo"]
    except OSError as error:
        raise OptionError(f"{folder} is no project: it has no pyproject.toml", "zoo plugins new NAME makes one") from error
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
        raise OptionError(f"{folder / 'pyproject.toml'} declares no entry point of group zoo", "see plugins/README.md") from error
    with tempfile.TemporaryDirectory() as site:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, str(folder.resolve())]
        built = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
        if built.returncode:
            raise PluginError(f"{folder} cannot be built", "the reason stands above")
        path = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")]))
        facts = {"id": plugin, "distribution": name, "version": project.get("version", "?")}
        return _report(facts, behaviour, timeout, {"PYTHONPATH": path})


def _report(facts: Mapping[str, Any], behaviour: bool, timeout: float, variables: Mapping[str, str]) -> Report:
    environment = {**os.environ, **passed_on(), **OFFLINE, **variables}
    command = [sys.executable, "-m", "zoo.testing.worker", facts["id"], facts["distribution"], str(int(behaviour))]
    with tempfile.TemporaryFile("w+") as out:
        # A file, not a pipe: what was found before a crash or at the time limit is there to be read.
        try:
            code = subprocess.run(
                [*command, str(out.fileno())], env=environment, pass_fds=[out.fileno()], timeout=timeout
            ).returncode
            end = None if code == 0 else f"the process ended with code {code}"
        except subprocess.TimeoutExpired:
            end = f"it took more than {timeout:g} s"
        out.seek(0)
        said = [json.loads(line) for line in out if line.endswith("\n")]
    findings = [Finding(**line["finding"]) for line in said if "finding" in line]
    last = next((line["doing"] for line in reversed(said) if "doing" in line), "")
    state = (
        Finding("survives", "ok") if end is None else Finding("survives", "failed", last, end, "run that entry alone to see why")
    )
    import_ms = next((line["import_ms"] for line in said if "import_ms" in line), None)
    return Report(facts["id"], facts["distribution"], facts["version"], (*findings, state), import_ms)
