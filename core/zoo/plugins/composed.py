"""Names of models that are made of models: `robust/smoothed(cnn/lenet5@mnist)`. Standard library only.

The parts stand in brackets behind the name, in the order of the spec's `parts` or by role, and are themselves names of models,
with or without tags: `robust/denoised(cnn/lenet5@mnist, denoiser=vision/dncnn)`. Blanks do not matter. A comma or bracket
within a part's own name, such as a path, is written behind a backslash. A dynamic name (`hf:PATH`) is its plugin's, brackets
and all.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from zoo.errors import OptionError

DEEPEST = 16
"""Brackets within brackets."""
EXAMPLE = "robust/smoothed(cnn/lenet5@mnist) or robust/denoised(base=cnn/lenet5, denoiser=vision/dncnn)"
ROLE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*=\s*(.*)", re.DOTALL)


def is_composed(name: str) -> bool:
    """Whether a name, without its tag, has brackets."""
    return not {"(", ")"}.isdisjoint(name)


def entry_of_name(name: str) -> str:
    """The name of the entry alone: `robust/smoothed` of `robust/smoothed(cnn/lenet5)`."""
    return name.partition("(")[0].strip()


def tag_place(name: str) -> int:
    """Where the `@` of the whole stands, behind its brackets if it has any; -1 where it has no tag."""
    at, opened = name.find("@"), name.find("(")
    return at if not 0 <= opened < at else name.find("@", name.rfind(")") + 1)


def untagged(name: str) -> str:
    """A name without its tag."""
    place = tag_place(name)
    return name if place < 0 else name[:place]


def read_composed(name: str) -> tuple[str, list[tuple[str | None, str]]]:
    """The name of the entry, and its parts: role (None where it goes without) and name. Raises OptionError."""
    entry, parts = _apart(name, name)
    read = []
    for part in parts:
        named = ROLE.fullmatch(part)
        role, text = (named[1], named[2]) if named else (None, part)
        read.append((role, _plain(text.strip())))
    return entry, read


def assigned(name: str, roles: Collection[str], parts: Sequence[tuple[str | None, str]]) -> dict[str, str]:
    """Role to name of the parts: those without a role are the first roles, in order. Raises OptionError."""
    if not roles:
        raise OptionError(f"{name} is not made of parts, so it takes none in brackets", f"write {name}")
    bare = [text for role, text in parts if role is None]
    if any(role is not None for role, _ in parts[: len(bare)]):
        raise OptionError(f"a part of {name} goes without its role behind one that has it", f"write {pattern(name, roles)}")
    if len(bare) > len(roles):
        raise OptionError(f"{name} has {len(roles)} parts, not {len(bare)}", f"write {pattern(name, roles)}")
    found = dict(zip(roles, bare, strict=False))
    for role, text in parts[len(bare) :]:
        if role in found:
            raise OptionError(f"{name} is given its {role} twice", f"write {pattern(name, roles)}")
        found[str(role)] = text
    refuse_unknown(name, roles, found)
    return found


def refuse_unknown(name: str, roles: Collection[str], given: Collection[str]) -> None:
    """Raise OptionError where a part is given for which there is no role."""
    for role in given:
        if role not in roles:
            known = f"its parts are: {', '.join(roles)}" if roles else "it is not made of parts"
            raise OptionError(f"{name} has no part {role!r}", f"{known}; zoo show {name}")


def refuse_missing(name: str, parts: Mapping[str, str], given: Collection[str]) -> None:
    """Raise OptionError where a role has no part. `parts` maps roles to tasks."""
    for role, task in parts.items():
        if role not in given:
            raise OptionError(
                f"{name} needs a {role}: a model that does {task}",
                f"write {pattern(name, parts)}; zoo list models --task {task} shows which there are",
            )


def written(entry: str, parts: Mapping[str, str]) -> str:
    """The name, as records have it: one part goes without its role."""
    texts = [text if _is_whole(text) else _escaped(text) for text in parts.values()]
    if len(texts) > 1:
        texts = [f"{role}={text}" for role, text in zip(parts, texts, strict=True)]
    return f"{entry}({', '.join(texts)})"


def pattern(name: str, roles: Collection[str]) -> str:
    """How a name is written: `robust/denoised(base=MODEL, denoiser=MODEL)`."""
    entry = entry_of_name(name)
    return f"{entry}({', '.join(f'{role}=MODEL' for role in roles)})" if len(roles) > 1 else f"{entry}(MODEL)"


def leading(parts: Mapping[str, str], tasks: Collection[str]) -> str:
    """The role whose part's classes and preprocessing are those of the whole: the first that does the same, else the first."""
    return next((role for role, task in parts.items() if task in tasks), next(iter(parts)))


def names_within(name: str) -> Iterator[str]:
    """The name of the entry, and of those in its brackets at every depth; of what cannot be read the name itself."""
    try:
        entry, parts = read_composed(untagged(name))
    except OptionError:
        yield name
        return
    yield entry
    for _, text in parts:
        yield from names_within(text)


def _apart(text: str, whole: str) -> tuple[str, list[str]]:
    """What stands before the brackets, and what within them between commas of the outermost level."""
    entry, opened, rest = text.partition("(")
    if not opened and ")" not in text:
        return text.strip(), []
    parts, end = _cut(rest, whole) if opened else ([], 0)
    if not end or rest[end:].strip():
        why = "a bracket is not closed" if opened and not end else f"{(rest[end:] or text).strip()!r} has a bracket too many"
        raise OptionError(f"cannot read {whole!r}: {why}", f"write for example {EXAMPLE}")
    if not entry.strip() or (len(parts) > 1 and not all(part.strip() for part in parts)):
        raise OptionError(f"cannot read {whole!r}: a name is missing", f"write for example {EXAMPLE}")
    return entry.strip(), [part for part in parts if part.strip()]


def _cut(rest: str, whole: str) -> tuple[list[str], int]:
    """The parts behind an open bracket, and where its end is; 0 where it has none. Raises OptionError."""
    parts, depth, start, place = [], 1, 0, 0
    while place < len(rest):
        sign = rest[place]
        depth += (sign == "(") - (sign == ")")
        if depth > DEEPEST:
            raise OptionError(f"{whole[:60]}… has brackets more than {DEEPEST} deep", "write fewer")
        if depth == 0 or (sign == "," and depth == 1):
            parts.append(rest[start:place])
            start = place + 1
        if depth == 0:
            return parts, place + 1
        place += 2 if sign == "\\" else 1
    return parts, 0


def _is_whole(text: str) -> bool:
    """Whether a name has parts, so that its commas and brackets are those of the grammar, and not of a path."""
    before, _, rest = text.partition("(")
    if not {",", "\\", ")"}.isdisjoint(before) or not {",", "\\", "("}.isdisjoint(rest.rpartition(")")[2]):
        return False
    try:
        return bool(_apart(untagged(text), text)[1])
    except OptionError:
        return False


def _plain(text: str) -> str:
    """A part's name without the backslashes of its own level; those within its brackets are read when these are."""
    plain, depth, place = "", 0, 0
    while place < len(text):
        sign = text[place]
        if sign == "\\" and place + 1 < len(text) and text[place + 1] in ",()\\":
            place += 1
            plain += text[place] if depth == 0 else sign + text[place]
        else:
            depth += (sign == "(") - (sign == ")")
            plain += sign
        place += 1
    return plain


def _escaped(text: str) -> str:
    return re.sub(r"([,()\\])", r"\\\1", text)
