"""Asking all plugins in a process of its own, so that none of their code runs in this one. Standard library only."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo import errors
from zoo.errors import PluginError
from zoo.home import passed_on

WIDTH = 8
"""Plugins that are asked at a time: those that wait for something hold up no other."""
INTERRUPTED = (-2, 130)
"""Exit codes of a process that the user ended."""
PROGRAM = (
    "import gc, json, sys; gc.disable()  # it ends before there is anything to collect\n"
    "sys.path[:] = json.loads(sys.argv[1]); from zoo.plugins.discovery import main; main()"
)
QUIET = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Pydantic reads the metadata of all that is installed for plugins of its own, and raises where one is damaged."""


def inquire(path: Sequence[str], known: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Facts of every plugin in the folders of `path` (`zoo.plugins.discovery.facts`), as a new process finds them.

    `known` are facts of plugins that need not be asked again. A plugin that ends even that process is found by asking one at a
    time. Raises what `discover` does, and PluginError.
    """
    blamed: dict[str, str] = {}
    alone: list[str] = []
    while True:
        said, code, complaint = _ask({"path": list(path), "blamed": blamed, "alone": alone, "known": known})
        asked = [line["asked"] for line in said if "asked" in line]
        last = said[-1] if said else {}
        if "found" in last:
            found: list[dict[str, Any]] = last["found"]
            return found
        if "error" in last:
            kind, message, hint = last["error"]
            raise getattr(errors, kind)(message, hint)
        if not asked or asked[-1] in blamed or code in INTERRUPTED:
            hint = "ZOO_PLUGINS= leaves out all but the bundled ones"
            raise PluginError(f"the installed plugins cannot be listed: {complaint}", hint)
        if asked[-1] in alone:
            blamed[asked[-1]] = f"it ended the process that asked all plugins (exit code {code})"
        alone = [*alone, *asked[-WIDTH:]]


def _ask(order: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int, str]:
    """The lines that the process said, its exit code, and the last line of what it complained of."""
    core = str(Path(__file__).parents[2])
    folders = [*order["path"], *([] if core in order["path"] else [core])]
    command = [sys.executable, "-c", PROGRAM, json.dumps(folders)]
    done = subprocess.run(
        command, input=json.dumps(order).encode(), capture_output=True, env={**os.environ, **passed_on(), **QUIET}, check=False
    )
    said: list[dict[str, Any]] = []
    for line in done.stdout.splitlines():
        with suppress(ValueError):
            said.append(json.loads(line))
    complaint = done.stderr.decode(errors="replace").strip().splitlines()
    return said, done.returncode, complaint[-1] if complaint else "no message"
