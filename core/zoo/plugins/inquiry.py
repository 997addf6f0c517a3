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

WIDTH = 8
"""Plugins that are asked at a time."""
PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from zoo.plugins.discovery import main; main()"
QUIET = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Pydantic reads the metadata of all that is installed for plugins of its own, and raises where one is damaged."""


def inquire(path: Sequence[str]) -> list[dict[str, Any]]:
    """Facts of every plugin in the folders of `path` (`zoo.plugins.discovery.facts`), as a new process finds them.

    A plugin that ends even that process is found by asking one at a time. Raises what `discover` does, and PluginError.
    """
    blamed: dict[str, str] = {}
    width = WIDTH
    while True:
        said, code, complaint = _ask(path, blamed, width)
        if "found" in said:
            found: list[dict[str, Any]] = said["found"]
            return found
        if "error" in said:
            kind, message, hint = said["error"]
            raise getattr(errors, kind)(message, hint)
        last = said.get("asked", "")
        if not last or last in blamed or code in (-2, 130):
            raise PluginError(
                f"the installed plugins cannot be listed: {complaint}", "ZOO_PLUGINS= leaves out all but the bundled ones"
            )
        if width == 1:
            blamed[last] = f"it ended the process that asked all plugins (exit code {code})"
        width = 1


def _ask(path: Sequence[str], blamed: Mapping[str, str], width: int) -> tuple[dict[str, Any], int, str]:
    """All that the process said, later lines over earlier ones; its exit code; and the last line of what it complained of."""
    order = {"path": list(path), "blamed": blamed, "width": width}
    core = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", PROGRAM, json.dumps([*path, *([] if core in path else [core])]), json.dumps(order)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, **QUIET}, check=False, start_new_session=False
    )
    said: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        with suppress(ValueError):
            said.update(json.loads(line))
    complaint = done.stderr.decode(errors="replace").strip().splitlines()
    return said, done.returncode, complaint[-1] if complaint else "no message"
