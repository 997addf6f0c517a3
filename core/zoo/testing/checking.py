"""Checking one plugin: in processes of its own, so that one that crashes, hangs or imports the world costs a finding."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.errors import PluginError
from zoo.home import passed_on
from zoo.plugins.index import load_index
from zoo.plugins.projects import read_project
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
    project = read_project(folder)
    with tempfile.TemporaryDirectory() as site:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, str(folder.resolve())]
        built = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
        if built.returncode:
            raise PluginError(f"{folder} cannot be built", "the reason stands above")
        path = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")]))
        facts = {"id": project.plugin, "distribution": project.distribution, "version": project.version}
        return _report(facts, behaviour, timeout, {"PYTHONPATH": path})


def _report(facts: Mapping[str, Any], behaviour: bool, timeout: float, variables: Mapping[str, str]) -> Report:
    environment = {**os.environ, **passed_on(), **OFFLINE, **variables}
    command = [sys.executable, "-m", "zoo.testing.worker", facts["id"], facts["distribution"], str(int(behaviour))]
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        # A file, not a pipe: what was found before a crash or at the time limit is there to be read.
        end = _run([*command, str(out.fileno())], environment, out.fileno(), timeout)
        out.seek(0)
        said = list(_lines(out))
    if end == "" and not any("done" in line for line in said):
        end = "the process ended before all was checked"
    findings = [Finding(**line["finding"]) for line in said if "finding" in line]
    last = next((line["doing"] for line in reversed(said) if "doing" in line), "")
    state = Finding("survives", "ok") if not end else Finding("survives", "failed", last, end, "run that entry alone to see why")
    import_ms = next((line["import_ms"] for line in said if "import_ms" in line), None)
    return Report(facts["id"], facts["distribution"], facts["version"], (*findings, state), import_ms)


def _run(command: Sequence[str], environment: Mapping[str, str], out: int, timeout: float) -> str:
    """Run the worker, and end all that it has started; how it ended, where it did not end well."""
    with subprocess.Popen(command, env=environment, pass_fds=[out], start_new_session=True) as worker:
        try:
            code = worker.wait(timeout)
            return f"the process ended with code {code}" if code else ""
        except subprocess.TimeoutExpired:
            return f"it took more than {timeout:g} s"
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(worker.pid, signal.SIGKILL)


def _lines(out: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What the worker told; what a plugin may have written beside it is passed over."""
    for line in out:
        with suppress(ValueError):
            if isinstance(value := json.loads(line), dict):
                yield value
