"""Names of entries: `plugin/name`, bare names where they are unique, and the nearest ones where there is no such entry."""

import difflib
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from zoo.plugins.composed import tag_place

BUNDLED = "deepzoo"
"""The distribution whose plugin ids are reserved and whose bare names win."""


def namespace_of(name: str) -> str:
    """What stands before the first `/` or `:`: the plugin id or the reserved namespace. Empty for a bare name."""
    head, separator, _ = name.replace(":", "/").partition("/")
    return head if separator else ""


def split_tag(name: str) -> tuple[str, str | None]:
    """Name and weights tag of `cnn/lenet5@mnist`; the tag is None where none is given. Raises OptionError on an empty one.

    Tags within brackets are those of parts.
    """
    place = tag_place(name)
    base, at, tag = (name, "", "") if place < 0 else (name[:place], "@", name[place + 1 :])
    if at and not (base and tag):
        raise OptionError(f"cannot read {name!r}", "write MODEL or MODEL@TAG, for example cnn/lenet5@mnist")
    return base, tag if at else None


def is_path(name: str) -> bool:
    """Whether a file or folder of that name is there."""
    with suppress(OSError, RuntimeError, ValueError):  # of what can be no path
        return Path(name).expanduser().exists()
    return False


def is_empty(name: str) -> bool:
    """Whether a folder of that name is there, with nothing in it but what is hidden."""
    with suppress(OSError, RuntimeError, ValueError):
        folder = Path(name).expanduser()
        return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())
    return False


def find_name(kind: str, name: str, known: Collection[str], bundled: Collection[str] = ()) -> str:
    """The full name that `name` means among `known`; `bundled` names win over others of the same bare name.

    Raises AmbiguousNameError or UnknownNameError, both with candidates.
    """
    if name in known:
        return name
    same = sorted(full for full in known if full.partition("/")[2] == name)
    preferred = [full for full in same if full in bundled] or same
    if len(preferred) == 1:
        return preferred[0]
    if same:
        raise AmbiguousNameError(f"{kind} {name!r} is ambiguous", f"name one of: {', '.join(same)}", same)
    near = nearest(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"{listing(kind)} shows them all"
    raise UnknownNameError(f"there is no {kind} named {name!r}", hint, near)


def listing(kind: str) -> str:
    """The command that lists the entries of a kind."""
    return f"zoo list {kind}s"


def nearest(name: str, known: Collection[str], most: int = 3) -> Sequence[str]:
    """Full names whose full or bare form begins with what was typed, is near it, or contains it; matching ignores case.

    Names that share a bare form come together.
    """
    forms: dict[str, list[str]] = {}
    for full in sorted(known):
        for form in {full.partition("/")[2].lower(), full.lower()}:
            forms.setdefault(form, []).append(full)
    wanted = [name.lower(), name.lower().rpartition("/")[2]]
    begun = [form for form in forms if form.startswith(wanted[0])]
    close = [form for want in wanted for form in difflib.get_close_matches(want, forms, most)]
    within = [form for form in forms if len(wanted[0]) > 2 and wanted[0] in form]
    found = [full for form in (*begun, *close, *within) for full in forms[form]]
    return list(dict.fromkeys(found))[:most]
