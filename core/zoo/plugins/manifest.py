"""Static manifests: what a plugin offers, written beside its entry module, so that listing it runs none of its code.

A manifest is of its plugin as it was: after any change of its source files it counts for nothing, and the plugin is asked.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from zoo.errors import PluginError
from zoo.identity.sources import reached, source_of
from zoo.plugins.asking import Offer
from zoo.plugins.candidates import Candidate
from zoo.plugins.hooks import InvalidOfferError, checked_offer, spec_classes
from zoo.specs import SpecKind

FORMAT = 1
NAME = "zoo-manifest.json"
FIELDS = ("kinds", "tasks", "modalities", "offered", "namespaces", "hooks")


def manifest_file(module: str) -> Path | None:
    """Where the manifest of a plugin with this entry module lies: in its package, or beside a module that is a file."""
    source = source_of(module)
    if source is None:
        return None
    return source.with_name(NAME if source.name == "__init__.py" else f"{source.stem}.{NAME}")


def read_manifest(candidate: Candidate, kinds: Iterable[SpecKind]) -> Offer | None:
    """What the manifest says, checked as if the plugin had said it; None where there is none of the plugin as it is now."""
    path = manifest_file(candidate.module)
    try:
        said = json.loads(path.read_bytes()) if path is not None else None
        if not isinstance(said, dict) or said.get("format") != FORMAT or said.get("plugin") != candidate.id:
            return None
        files = source_files(candidate.module)
        if said.get("sources") != digest_of(files):
            return None
        own = [SpecKind.model_validate(kind) for kind in said["kinds"]]
        classes = spec_classes([*kinds, *own])
        offer = {name: said[name] for name in FIELDS}
        checked_offer(candidate.id, offer, classes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOfferError, PluginError):
        return None
    return {**offer, "state": "ok", "files": sorted({str(path), *map(str, files.values())})}


def source_files(module: str) -> dict[str, Path]:
    """Source files that the offer may depend on, by labels that do not say where they lie."""
    return {label: path for label, path in reached([module], whole=False).files.items() if path.suffix == ".py"}


def digest_of(files: dict[str, Path]) -> str:
    """What changes with the content or the labels of these files."""
    parts = (f"{label}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for label, path in sorted(files.items()))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
