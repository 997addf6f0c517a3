"""Class names as people write them down: a list, a file, `id2label`; and names that differ in case from a dataset's."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import OptionError

INSIDE = ("id2label", "label_names", "classes", "class_names")
"""Where a configuration, such as transformers' or timm's `config.json`, has them."""


def given_classes(given: "Sequence[str] | str | os.PathLike[str]") -> tuple[str, ...] | str:
    """Class names in the order of the outputs, as a caller gives them; "dataset" is left as it is.

    Names, names with commas between, or a file: one name a line, a JSON list, or a JSON map from number to name or from
    name to number, alone or as `id2label` or `label_names` of a config.json. Raises OptionError.
    """
    if given == "dataset":
        return "dataset"
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        names = _in_file(path) if path.is_file() else _in_text(str(given))
    else:
        names = tuple(str(name) for name in given)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names or not all(names):
        what = f"{twice[0]!r} twice" if twice else "no name" if not names else "an empty name"
        raise OptionError(f"classes has {what}", "give each output a name of its own, in order")
    return names


def names_of(value: Any) -> tuple[str, ...] | None:
    """Names by position in a list of texts, or in a map from 0, 1, … to names or from names to 0, 1, …; else None."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if isinstance(value, Mapping):
        pairs = [(str(key), str(name)) for key, name in value.items()]
        if not all(key.isdecimal() for key, _ in pairs):
            pairs = [(name, key) for key, name in pairs]
        numbered = {int(key): name for key, name in pairs if key.isdecimal()}
        value = [numbered[i] for i in range(len(pairs))] if numbered.keys() == set(range(len(pairs))) else None
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(name, str) and name for name in value):
        return None
    return tuple(value)


def respelled(names: Sequence[str], wanted: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """A model's class names in the spelling of a dataset's, and a sentence that says which were changed.

    Names are alike that differ in case, or in `_`, `-` and blanks. Nothing is changed, and the sentence is empty, unless
    every class of the dataset has one name and no other that is like it.
    """
    if not wanted or set(wanted) <= set(names):
        return tuple(names), ""
    known = {_plain(name): name for name in wanted}
    plain = [_plain(name) for name in names]
    if len(known) < len(wanted) or any(plain.count(name) != 1 for name in known):
        return tuple(names), ""
    changed = [f"{name} as {known[key]}" for name, key in zip(names, plain, strict=True) if known.get(key, name) != name]
    more = f", … ({len(changed)} in all)" if len(changed) > 5 else ""
    return tuple(known.get(key, name) for name, key in zip(names, plain, strict=True)), (
        f"class names that differ in spelling alone were taken for the dataset's: {', '.join(changed[:5])}{more}"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _in_text(text: str) -> tuple[str, ...]:
    if "," not in text and (os.sep in text or Path(text).suffix):
        raise OptionError(f"there is no file {text} of class names", "give a file that is there, or names: a,b,c")
    return tuple(name.strip() for name in text.split(","))


def _in_file(path: Path) -> tuple[str, ...]:
    hint = "write one name a line, a JSON list, or a JSON map from 0, 1, … to names"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OptionError(f"the class names in {path} cannot be read: {error}", hint) from error
    if path.suffix.lower() != ".json" and not text.lstrip().startswith(("[", "{")):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        told = json.loads(text)
    except ValueError as error:
        raise OptionError(f"the class names in {path} are no JSON: {error}", hint) from error
    inside = [told[key] for key in INSIDE if key in told] if isinstance(told, Mapping) else []
    names = next((found for value in (*inside, told) if (found := names_of(value))), None)
    if names is None:
        raise OptionError(f"{path} has no class names", hint)
    return names
