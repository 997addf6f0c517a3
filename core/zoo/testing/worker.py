"""The process that checks one plugin: `python -m zoo.testing.worker ID DISTRIBUTION BEHAVIOUR FD`.

It writes JSON lines to the file descriptor: what it is about to check, findings, the time of the import, and that it is done.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from zoo.plugins.discovery import Plugin, found_apart
from zoo.plugins.manifest import manifest_file, read_manifest
from zoo.plugins.registry import registry
from zoo.specs import MetricSpec, ModelSpec
from zoo.testing.findings import Finding
from zoo.testing.importing import check_import
from zoo.testing.metrics import check_metric
from zoo.testing.models import check_model
from zoo.testing.static import check_specs
from zoo.tolerance import tolerate_damage


def main(plugin_id: str, distribution: str, behaviour: str, descriptor: str) -> None:
    """Check and tell. Whatever the plugin prints goes to stderr."""
    os.dup2(2, 1)
    with os.fdopen(int(descriptor), "w", buffering=1) as out:

        def tell(**line: Any) -> None:
            out.write(json.dumps(line) + "\n")

        def tell_all(findings: Iterable[Finding]) -> None:
            for finding in findings:
                tell(finding=vars(finding))

        tolerate_damage()
        tell(doing="what it offers")
        plugin = _plugin(plugin_id, distribution)
        if plugin.state != "ok":
            tell_all([Finding("loads", "failed", "", f"{plugin.state}: {plugin.reason}", plugin.hint)])
            _end(tell)
        tell_all([Finding("loads", "ok")])
        entries = registry()
        finding, import_ms = check_import(plugin.candidate, entries.index.kinds.values())
        tell(import_ms=import_ms)
        tell_all([finding])
        tell_all(_manifest(plugin))
        tell(doing="its specs")
        tell_all(check_specs(plugin, entries))
        for _, spec in plugin.specs if behaviour == "1" else ():
            tell(doing=spec.name)
            if isinstance(spec, ModelSpec):
                tell_all(check_model(spec, entries))
            elif isinstance(spec, MetricSpec):
                tell_all(check_metric(spec, entries))
        _end(tell)


def _end(tell: Callable[..., None]) -> NoReturn:
    """Say that all is checked, and end, whatever threads the plugin has left running."""
    tell(done=True)
    sys.stderr.flush()
    os._exit(0)


def _manifest(plugin: Plugin) -> Iterator[Finding]:
    file = manifest_file(plugin.candidate.module)
    if file is None or not file.exists():
        return
    if read_manifest(plugin.candidate, plugin.all_kinds) is None:
        yield Finding("manifest", "warned", "", f"{file.name} is not of its code as it is", "write it anew: zoo plugins manifest")
    else:
        yield Finding("manifest", "ok")


def _plugin(plugin_id: str, distribution: str) -> Plugin:
    same = [plugin for plugin in found_apart() if plugin.candidate.id == plugin_id]
    return next((plugin for plugin in same if plugin.candidate.distribution == distribution), same[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
