"""The index as a command wants it: read warm, with one warning a plugin that is not well."""

import sys

from zoo.plugins.index import Index, load_index, plugin_problem
from zoo_cli.render import note, styled


def open_index() -> Index:
    """The index of what is installed. Warns on stderr of every plugin that failed."""
    return warned_of(load_index())


def warned_of(index: Index) -> Index:
    """The index, after a warning on stderr of every plugin that failed."""
    for plugin in index.plugins:
        if problem := plugin_problem(plugin):
            note(f"{styled('warning:', sys.stderr, fg='yellow')} {problem}; {plugin['hint']}")
    return index
