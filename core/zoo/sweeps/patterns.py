"""Names and patterns of entries: `cnn/lenet5`, `cnn/*`, `*@mnist`, `timm/resnet1*`."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from zoo.errors import OptionError, UnknownNameError
from zoo.plugins.entries import Entry, Index
from zoo.plugins.names import listing, namespace_of, nearest, split_tag
from zoo.plugins.namespaces import select

SIGNS = frozenset("*?")


def is_pattern(text: str) -> bool:
    """Whether a text stands for the names that match it. A path of the user's own (`folder:a*b`) is a name."""
    return not SIGNS.isdisjoint(text) and ":" not in text


def matching(
    index: Index, kinds: Sequence[str], pattern: str, *, task: str | None = None, plugin: str | None = None
) -> list[Entry]:
    """Entries of the kinds whose full or bare name matches, by name; with a tag (`cnn/*@mnist`) those that have such weights.

    Raises UnknownNameError where none does, with the nearest names.
    """
    base, tag = split_tag(pattern)
    namespace = namespace_of(base)
    dynamic = index.dynamic_plugin(base) is not None and SIGNS.isdisjoint(namespace)
    entries = [
        entry
        for kind in kinds
        for entry in select(index, kind, {"task": task, "plugin": namespace if dynamic else plugin})
        if any(fnmatchcase(name, base) for name in _forms(entry["name"], base))
        and (tag is None or tag in entry["spec"].get("weights", ()))
    ]
    if entries:
        return sorted(entries, key=lambda entry: str(entry["name"]))
    among = "".join((f" of task {task}" if task else "", f" of plugin {plugin}" if plugin else ""))
    known = [entry["name"] for kind in kinds for entry in index.select(kind)]
    near = nearest(base.replace("*", "").replace("?", ""), known) if not dynamic else ()
    hint = f"did you mean {' or '.join(near)}?" if near else f"{listing(kinds[0])} shows them all"
    raise UnknownNameError(f"no {kinds[0]}{among} matches {pattern!r}", hint, near)


def refuse_empty(text: object, what: str) -> None:
    """Raise OptionError where a name or pattern has nothing in it."""
    if isinstance(text, str) and not text.strip():
        raise OptionError(f"an empty name stands among the {what}s", f"name one, or a pattern such as '*'; {listing(what)}")


def _forms(full: str, pattern: str) -> tuple[str, ...]:
    """What of a name a pattern is held against: the bare one, too, unless the pattern names a plugin."""
    return (full,) if "/" in pattern else (full, full.partition("/")[2])
