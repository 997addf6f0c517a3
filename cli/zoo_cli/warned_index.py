"""The index as a command wants it: read warm, with one warning a plugin that is not well."""

import os
import sys

from zoo.plugins.entries import Index, plugin_problem
from zoo.plugins.index import load_index
from zoo_cli.render import note, styled


def open_index() -> Index:
    """The index of what is installed. Warns on stderr of every plugin that failed."""
    return warned_of(load_index())


def warned_of(index: Index) -> Index:
    """The index, after a warning on stderr of every plugin that failed, and of each that was to be left out and is not there."""
    there = {plugin["id"] for plugin in index.plugins}
    for name in filter(None, os.environ.get("ZOO_WITHOUT", "").split(",")):
        if name.partition("@")[0] not in there:
            note(f"{styled('warning:', sys.stderr, fg='yellow')} there is no plugin {name!r} to leave out")
    for plugin in index.plugins:
        if problem := plugin_problem(plugin):
            note(f"{styled('warning:', sys.stderr, fg='yellow')} {problem}; {plugin['hint']}")
    return index
