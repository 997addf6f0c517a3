"""Which plugins are let in: all but those disabled, by hand or by ZOO_WITHOUT, or those alone that ZOO_PLUGINS lists."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.errors import OptionError, StoreError, did_you_mean
from zoo.home import state_file, writing


def disabled_ids() -> set[str]:
    """What the user has disabled: plugin ids or `id@distribution`, by hand, or in ZOO_WITHOUT, a list as ZOO_PLUGINS is one."""
    return _disabled_by_hand() | set(_listed(os.environ.get("ZOO_WITHOUT", "")))


def _disabled_by_hand() -> set[str]:
    """From `{"disabled": [...]}` in `ZOO_HOME/plugins.json`."""
    try:
        content = state_file().read_bytes()
    except OSError:
        return set()
    try:
        return set(TypeAdapter(dict[str, list[str]]).validate_json(content).get("disabled", ()))
    except ValidationError as error:
        raise StoreError(
            f'{state_file()} does not read {{"disabled": ["ID", ...]}}', "correct it, or move it elsewhere"
        ) from error


def allowed_ids() -> set[str] | None:
    """The only plugins by others that are let in, from `ZOO_PLUGINS=a,b`; None: all, the empty set: none.

    Bundled plugins are not concerned: they are disabled by hand.
    """
    given = os.environ.get("ZOO_PLUGINS")
    return None if given is None else set(_listed(given))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def disable(plugins: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Disable plugins, by id or `id@distribution`, of those that the index lists; returns those that were not before.

    Raises OptionError where there is none of that name, or it is the core's own.
    """
    disabled = _disabled_by_hand()
    for name in names:
        check_name(plugins, name)
        if name.partition("@")[0] == "core":
            raise OptionError("plugin 'core' cannot be disabled: it holds the metrics that every other one uses")
    added = [name for name in dict.fromkeys(names) if not _is_among(name, disabled)]
    _write(disabled | set(added))
    return added


def enable(plugins: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Enable plugins again; returns those that were disabled. Of two distributions with one id, `id@distribution` frees one."""
    disabled, freed = _disabled_by_hand(), []
    for name in names:
        check_name(plugins, name, disabled)
        plugin, _, distribution = name.partition("@")
        same = {entry for entry in disabled if entry.partition("@")[0] == plugin}
        kept = {entry for entry in same if distribution and "@" in entry and entry != name}
        if distribution and plugin in same:  # all were disabled: the others stay so
            kept |= {f"{plugin}@{other}" for other in _distributions(plugins, plugin) if other != distribution}
        if same - kept:
            freed.append(name)
        disabled = (disabled - same) | kept
    _write(disabled)
    return freed


def forget(plugin: str, distribution: str) -> None:
    """Keep no setting of a plugin that is gone."""
    disabled = _disabled_by_hand()
    if gone := disabled & {plugin, f"{plugin}@{distribution}"}:
        _write(disabled - gone)


def check_name(plugins: Sequence[Mapping[str, Any]], name: str, more: Collection[str] = ()) -> None:
    """Raise OptionError, with the nearest ids, where no plugin has this id or `id@distribution`, nor `more` names it."""
    plugin, _, distribution = name.partition("@")
    theirs = _distributions(plugins, plugin)
    if name in more or (distribution in theirs if distribution else theirs):
        return
    if theirs:
        raise OptionError(f"plugin {plugin!r} is not of {distribution!r}", f"it is of: {', '.join(theirs)}")
    hint = did_you_mean(plugin, {entry["id"] for entry in plugins}) or "zoo plugins list shows those that are installed"
    raise OptionError(f"there is no plugin {plugin!r}", hint)


def _distributions(plugins: Sequence[Mapping[str, Any]], plugin: str) -> list[str]:
    return [entry["distribution"] for entry in plugins if entry["id"] == plugin]


def _is_among(name: str, disabled: Collection[str]) -> bool:
    return name in disabled or name.partition("@")[0] in disabled


def _write(disabled: Collection[str]) -> None:
    with writing(state_file()) as temporary:
        temporary.write_text(json.dumps({"disabled": sorted(disabled)}, indent=2) + "\n", encoding="utf-8")
