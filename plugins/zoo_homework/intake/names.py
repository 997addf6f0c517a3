"""Names of students and of what they hand in: as an LMS writes them, and so that they can be printed."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

MOODLE = re.compile(r"(?P<student>.+?_\d+)_assignsubmission_[^_]+(?:_(?P<file>.*))?", re.DOTALL)
CANVAS = re.compile(r"(?P<student>[^_]+?)(?P<late>_LATE)?_\d+_\d+_(?P<file>.+)", re.DOTALL)
IGNORED = ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")
LONGEST = 1200
"""Characters that are shown of a name, among them any that a file system takes for one folder."""


class Owner(NamedTuple):
    """Whose an entry of a class's folder is, how the student called it, and whether the LMS says that it came late."""

    student: str
    file: str
    late: bool = False


def owner(name: str, is_folder: bool = False) -> Owner:
    """By Moodle's names, as a folder a student or flat, by Canvas', or else by the folder's name or the file's stem."""
    if moodle := MOODLE.fullmatch(name):
        return Owner(moodle["student"], moodle["file"] or name)
    if not is_folder and (canvas := CANVAS.fullmatch(name)):
        return Owner(canvas["student"], canvas["file"], canvas["late"] is not None)
    return Owner(name if is_folder else PurePosixPath(name).stem, name)


def around_students(names: Sequence[str]) -> str | None:
    """The folder around the students' entries in a class's zip, "" if there is none; None if the zip is one student's."""
    paths = [PurePosixPath(name) for name in names]
    names = [str(path) for path in paths if not any(map(left_out, path.parts))]
    tops = {name.partition("/")[0] for name in names if "/" in name}
    flat = [name for name in names if "/" not in name]
    if any(MOODLE.fullmatch(top) for top in tops) or (flat and all(_of_lms(name) for name in flat)):
        return ""
    if len(tops) == 1 and all(name.count("/") > 1 for name in names) and len({name.split("/")[1] for name in names}) > 1:
        return tops.pop()
    return "" if len(tops) > 1 and not flat else None


def _of_lms(name: str) -> bool:
    return bool(MOODLE.fullmatch(name) or CANVAS.fullmatch(name))


def left_out(name: str) -> bool:
    """Whether a file or folder is hidden, or one that systems and tools make."""
    return name.startswith(".") or name in IGNORED


def printable_name(text: str) -> str:
    """A name that can be printed anywhere: not too long, on one line, without control characters, and always UTF-8."""
    plain = unicodedata.normalize("NFC", os.fsencode(text).decode("utf-8", "backslashreplace"))
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
