"""Texts: of files, UTF-8, and what to do with one that is not; and as the numbers of their characters."""

import re
from pathlib import Path

from zoo.data.pointers import pointer_problem
from zoo.errors import DataError, ModelError

_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""Byte-order marks; that of UTF-32 begins with that of UTF-16."""


class EncodingError(DataError):
    """A file that is no UTF-8."""


def decoded(content: bytes, path: Path | None = None) -> str:
    """The text of a file, without a byte-order mark. Raises EncodingError with the encoding that it is likely in.

    `path` is for the message; without one it is "the file".
    """
    name = path.name if path is not None else "FILE"
    what = str(path) if path is not None else "the file"
    if pointer := pointer_problem(content):
        raise DataError(f"cannot read {what}: {pointer[0]}", pointer[1])
    if wide := _wide(content):
        raise EncodingError(f"{what} is {wide.upper()}, not UTF-8", _advice(wide, name))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise EncodingError(f"line {line} of {what} is not UTF-8 (byte 0x{byte:02x})", _advice(_narrow(content), name)) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, stripped. Raises DataError where it is not UTF-8."""
    return [line.strip() for line in decoded(path.read_bytes(), path).splitlines() if line.strip()]


SHAKESPEARE = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The 65 characters of tiny Shakespeare: an alphabet."""


def character_codes(text: str, alphabet: str) -> list[int]:
    """The place of each character in the alphabet of a model. Raises ModelError where it lacks one."""
    index = {character: place for place, character in enumerate(alphabet)}
    if unknown := sorted(set(text) - index.keys()):
        raise ModelError(
            f"this network knows {len(alphabet)} characters; {''.join(unknown[:10])!r} is not among them",
            "give it text of its own alphabet, such as tiny-shakespeare",
        )
    return [index[character] for character in text]


def _wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32, by its mark, or by most of every other byte of its beginning being zero."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    even, odd = content[:200:2], content[1:200:2]
    for zeros, letters, name in ((odd, even, "utf-16le"), (even, odd, "utf-16be")):
        if len(letters) > 1 and 2 * zeros.count(0) > len(zeros) and all(letters):
            return name
    return None


def _narrow(content: bytes) -> str:
    """Windows' western code page where its own letters occur, such as curly quotes, else Latin-1, which has none there."""
    return "cp1252" if re.search(rb"[\x80\x82-\x8c\x8e\x91-\x9c\x9e\x9f]", content) else "latin1"


def _advice(encoding: str, name: str) -> str:
    return f"save it as UTF-8, for example: iconv -f {encoding} -t utf-8 {name} > utf8-{name}"
