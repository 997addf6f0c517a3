"""Shell completion of names, from the index alone: no plugin is imported. On by `eval "$(_ZOO_COMPLETE=bash_source zoo)"`."""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from zoo.plugins.index import load_index

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names_of(*kinds: str) -> Complete:
    """Completes full names of entries of these kinds, and bare ones once a letter is typed. Without kinds: all but commands."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        found: dict[str, str] = {}
        for entry in load_index(strict=False).entries:
            if entry["kind"] in kinds or (not kinds and entry["kind"] != "command"):
                full = entry["name"]
                for name in [full, full.partition("/")[2]] if typed and "/" not in typed else [full]:
                    found.setdefault(name, entry["spec"]["summary"])
        return [CompletionItem(name, help=summary) for name, summary in sorted(found.items()) if name.startswith(typed)]

    return complete


def plugin_ids(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes ids of plugins."""
    found = {plugin["id"]: plugin["distribution"] for plugin in load_index(strict=False).plugins}
    return [CompletionItem(name, help=where) for name, where in sorted(found.items()) if name.startswith(typed)]
