"""The index as a command wants it: read warm, with one warning a plugin that is not well."""

import sys

from zoo.index import Index, load_index
from zoo_cli.render import note, styled


def open_index() -> Index:
    """The index of what is installed. Warns on stderr of every plugin that failed."""
    index = load_index()
    for plugin in index.plugins:
        if plugin["state"] not in ("ok", "disabled"):
            warning = styled("warning:", sys.stderr, fg="yellow")
            who = f"plugin {plugin['id']!r} ({plugin['distribution']} {plugin['version']})"
            note(f"{warning} {who} is not used ({plugin['state']}): {plugin['reason']}; {plugin['hint']}")
    return index
