"""Lists of dynamic names: what a namespace such as `timm` has, kept for each version of the library, remade on request.

Standard library only, as long as the list that is kept is the right one: `zoo list --plugin timm` then imports no plugin.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from zoo.errors import OptionError, PluginError, StoreError
from zoo.home import cache_dir, writing
from zoo.plugins.entries import Entry, Index, entry_of, matches
from zoo.plugins.names import namespace_of

FORMAT = 1


def select(index: Index, kind: str, filters: Mapping[str, str | None], *, rebuild: bool = False) -> Iterator[Entry]:
    """Entries as `Index.select` gives them; where the filter `plugin` is a namespace, the names that this has.

    Raises OptionError for a filter value that nothing has, with those that there are, and for a namespace whose names nobody can
    list.
    """
    _check_values(index, filters)
    namespace = filters.get("plugin")
    if namespace is None or any(plugin["id"] == namespace for plugin in index.plugins):
        return index.select(kind, **filters)
    owner = next((plugin for plugin in index.plugins if namespace in plugin["namespaces"]), None)
    if owner is None:
        return index.select(kind, **filters)
    found = _names(index, owner, namespace, rebuild)
    return (entry for entry in found if entry["kind"] == kind and matches(entry, {**filters, "plugin": None}))


def _check_values(index: Index, filters: Mapping[str, str | None]) -> None:
    """Raise OptionError where nobody has such a task, modality or plugin: an empty list would say that there is none today."""
    known = {
        "task": {task for entry in index.entries for task in entry["tasks"]} | index.tasks.keys(),
        "modality": {entry["modality"] for entry in index.entries if entry["modality"]} | index.modalities.keys(),
        "plugin": {plugin["id"] for plugin in index.plugins},
    }
    reserved = {namespace for plugin in index.plugins for namespace in plugin["namespaces"]}
    for name, there in known.items():
        value = filters.get(name)
        if value is None or value in there or (name == "plugin" and value in reserved):
            continue
        from zoo.tasks.declared import MODALITIES, TASK_SPECS

        there |= {"task": set(TASK_SPECS), "modality": set(MODALITIES)}.get(name, set())
        if value in there:
            continue
        near = get_close_matches(value, there, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise OptionError(f"there is no {name} {value!r}", f"{meant}there are: {', '.join(sorted(there))}")


def _names(index: Index, plugin: dict[str, Any], namespace: str, rebuild: bool) -> list[Entry]:
    path = cache_dir("names") / f"{namespace}.json"
    kept = None if rebuild else _kept(path, plugin)
    if kept is not None:
        return kept
    from zoo.plugins.blame import in_plugin

    with in_plugin(plugin["id"], f"its zoo_names of {namespace!r}"):
        library, entries = _asked(index, plugin, namespace)
    with suppress(StoreError), writing(path) as temporary:  # a read-only ZOO_HOME costs speed, not the command
        document = {"key": _key(plugin, library), "library": library, "entries": entries}
        temporary.write_text(json.dumps(document), encoding="utf-8")
    return entries


def _asked(index: Index, plugin: dict[str, Any], namespace: str) -> tuple[str, list[Entry]]:
    """The library whose names they are, and the names, as the plugin says now."""
    from zoo.plugins.hooks import manager, spec_classes
    from zoo.specs import SpecKind

    module = import_module(plugin["module"])
    answer = manager([(plugin["id"], module)]).hook.zoo_names(namespace=namespace)
    if answer is None:
        raise OptionError(
            f"nobody can list the names in {namespace}: they are made on demand",
            f"plugin {plugin['id']!r} takes them as you write them",
        )
    library, specs = answer
    for spec in specs:
        if namespace_of(spec.name) != namespace:  # under another name it would speak for whoever has that
            raise PluginError(f"its zoo_names of {namespace!r} answered with {spec.name!r}", "its names begin with the namespace")
    declared = [SpecKind.model_validate(kind) for kind in index.kinds.values()]
    kinds = {spec_class: kind for kind, spec_class in spec_classes(declared).items()}
    return library, [entry_of(plugin["id"], kinds[type(spec)], spec.model_dump(mode="json")) for spec in specs]


def _kept(path: Path, plugin: dict[str, Any]) -> list[Entry] | None:
    """The list that was kept, if library and plugin are still of the same version."""
    try:
        document = json.loads(path.read_bytes())
        entries: list[Entry] = document["entries"]
        return entries if document["key"] == _key(plugin, document["library"]) else None
    except (OSError, ValueError, KeyError, TypeError, ImportError):  # a package that is gone is an ImportError, too
        return None


def _key(plugin: dict[str, Any], library: str) -> list[Any]:
    from importlib import metadata

    return [FORMAT, plugin["distribution"], plugin["version"], library, metadata.version(library)]
