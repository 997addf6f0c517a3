"""Shell completion of names, from the index alone: no plugin is imported. On by `eval "$(_ZOO_COMPLETE=bash_source zoo)"`."""

import re
from collections.abc import Callable
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from zoo.errors import UnknownNameError
from zoo.plugins.entries import Entry, Index
from zoo.plugins.index import load_index
from zoo.wording import harmless

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names_of(*kinds: str) -> Complete:
    """Completes full names of entries of these kinds, and bare ones once a letter is typed. Without kinds: all but commands.

    Behind an open bracket it completes the names of parts.
    """

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        found: dict[str, str] = {}
        index = load_index(strict=False)
        if "(" in typed and (not kinds or "model" in kinds):
            return [CompletionItem(name, help=harmless(summary)) for name, summary in sorted(_parts(index, typed).items())]
        for entry in index.entries:
            if entry["kind"] in kinds or (not kinds and entry["kind"] != "command"):
                full = entry["name"]
                for name in [full, full.partition("/")[2]] if typed and "/" not in typed else [full]:
                    found.setdefault(name, entry["spec"]["summary"])
        return [CompletionItem(name, help=harmless(summary)) for name, summary in sorted(found.items()) if name.startswith(typed)]

    return complete


def _parts(index: Index, typed: str) -> dict[str, str]:
    """What a composed name may go on with: the roles that are open, and models that do what the part's role demands."""
    before, entry, given, last = _innermost(typed)
    with suppress(UnknownNameError):
        parts: dict[str, str] = index.entry("model", entry)["spec"]["parts"]
        named = {part.partition("=")[0].strip() for part in given if "=" in part}
        rest = [role for role in list(parts)[len(given) - len(named) :] if role not in named]
        role, equals, text = (word.strip() for word in last.partition("="))
        if not equals:
            role, text = (rest or [""])[0], last.strip()
        before += f"{last.partition('=')[0]}=" if equals else last[: len(last) - len(last.lstrip())]
        end = ")" if len(rest) == 1 else ", "
        models = [model for model in index.select("model", task=parts.get(role, "")) if model["name"].startswith(text)]
        found = {
            f"{before}{name}{'' if name.endswith('(') else end}": model["spec"]["summary"]
            for model in models
            for name in _tagged(model)
        }
        roles = {f"{before}{name}=": parts[name] for name in rest if len(parts) > 1 and not equals and name.startswith(text)}
        return found | roles
    return {}


def _tagged(model: Entry) -> list[str]:
    """The name with each of its tags; of what is itself made of parts with an open bracket; else as it is."""
    if model["spec"]["parts"]:
        return [f"{model['name']}("]
    return [f"{model['name']}@{tag}" for tag in model["spec"]["weights"]] or [model["name"]]


def _innermost(typed: str) -> tuple[str, str, list[str], str]:
    """Of the innermost open bracket: all up to its last comma, the name before it, its parts so far, and what is begun."""
    opened: list[int] = []
    for place, sign in enumerate(typed):
        if sign == "(":
            opened.append(place)
        elif sign == ")" and opened:
            opened.pop()
    if not opened:
        return typed, "", [], ""
    place = opened[-1]
    entry = re.split(r"[(,=]", typed[:place])[-1].strip()
    *given, last = _commas(typed[place + 1 :])
    return typed[: len(typed) - len(last)], entry, given, last


def _commas(text: str) -> list[str]:
    """Cut at the commas that no bracket holds."""
    cut, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            cut.append("")
        else:
            cut[-1] += sign
    return cut


def plugin_ids(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes ids of plugins."""
    found = {plugin["id"]: plugin["distribution"] for plugin in load_index(strict=False).plugins}
    return [CompletionItem(name, help=harmless(where)) for name, where in sorted(found.items()) if name.startswith(typed)]
