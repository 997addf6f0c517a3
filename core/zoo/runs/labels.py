"""Labels: the name and the note that a user gives a run. They stand beside its record, which never changes."""

import re
import unicodedata
from typing import NamedTuple

from zoo.errors import OptionError
from zoo.wording import harmless

NAME = re.compile(r"[^\W_][\w.+-]{0,63}")
RUN_ID = re.compile(r"[0-9a-f]+")
LONGEST_NOTE = 2000
WORDS = ("export", "name", "note", "shards")
"""What `zoo results WORD` does; no run is called so."""


class Label(NamedTuple):
    """A run's name, by which it can be called, and a note; each may be empty."""

    name: str = ""
    note: str = ""


def checked_name(name: str) -> str:
    """A name for a run: letters, digits, `.`, `+`, `-`, `_`. Raises OptionError.

    Names of models have a `/`, and ids of runs are hexadecimal, so neither is taken for a name of a run.
    """
    text = unicodedata.normalize("NFC", name)
    if text and (not NAME.fullmatch(text) or RUN_ID.fullmatch(text) or text in WORDS):
        raise OptionError(
            f"a run cannot be called {name!r}",
            "take up to 64 letters, digits and . + - _, which read neither as the id of a run nor as a command: tuned-lr3",
        )
    return text


def checked_note(note: str) -> str:
    """A note on a run: one line of text. Raises OptionError."""
    text = unicodedata.normalize("NFC", note).strip()
    if len(text) > LONGEST_NOTE:
        raise OptionError(f"a note has at most {LONGEST_NOTE:,} characters, not {len(text):,}")
    if harmless(text) != text or not {"\t", "\n"}.isdisjoint(text):
        raise OptionError("a note has a control character in it, such as a line break", "write it in one line of plain text")
    return text
