"""Walking the user's folders: what counts in them is found in one way for every dataset, and what is passed over is said."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from zoo.errors import DataError
from zoo.remarks import remark
from zoo.wording import encodable

PHOTOGRAPHS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".avif")
OTHERS = (".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tif", ".tiff", ".tga")
SUFFIXES = tuple(sorted({*PHOTOGRAPHS, *OTHERS}))
"""Of images; in any case."""
_OF_WINDOWS = ("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler", "system volume information")
_OF_OTHERS = ("__macosx", "icon\r", "#recycle", "lost+found")
_JUNK = frozenset(_OF_WINDOWS + _OF_OTHERS)
"""What operating systems, archives and network drives leave in folders, beside what begins with `.` or `@`."""


def is_junk(name: str) -> bool:
    """Whether a file or folder is none of the user's: hidden (macOS' `._a.xml`, `.DS_Store`), or left by a system."""
    return name.startswith((".", "@", "~$")) or name.casefold() in _JUNK


def plain(name: str) -> str:
    """A name as it is shown and compared: composed (NFC), since macOS' file systems decompose the letters of names.

    Bytes that are no UTF-8 are written as `\\udcff`.
    """
    return name if name.isascii() else encodable(unicodedata.normalize("NFC", name))


def folders_in(parent: Path) -> list[Path]:
    """The folders directly in a folder, by name."""
    return sorted(path for path in parent.iterdir() if path.is_dir() and not is_junk(path.name))


def walk(folder: Path, *, deep: bool = True, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """All files in a folder that are not junk, at any depth unless `deep` says otherwise; links are followed.

    `above` are the folders on the way, to which a link may lead back.
    """
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_junk(entry.name):
                continue
            if not entry.is_dir():
                yield Path(entry.path)
            elif deep:
                yield from walk(Path(entry.path), above=above | {real})


def files_below(folder: Path, suffixes: Collection[str], *, deep: bool = True, beside: Collection[str] = ()) -> list[Path]:
    """Files of these suffixes that `walk` finds, sorted.

    Other files are passed over, with one warning that counts them, unless their names are `beside`.
    """
    found: list[Path] = []
    others: Counter[str] = Counter()
    for path in walk(folder, deep=deep):
        if path.suffix.lower() in suffixes:
            found.append(path)
        elif path.name not in beside:
            others[path.suffix.lower() or "no suffix"] += 1
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in others.most_common(5)) + (", …" if len(others) > 5 else "")
        total = others.total()
        remark(f"{total} file{'s' * (total > 1)} in {folder} passed over, by suffix: {kinds}", stacklevel=2)
    return sorted(found, key=lambda path: path.parts)  # as paths are ordered, but without asking two at a time


def by_key(paths: Iterable[Path], key: Callable[[Path], str]) -> dict[str, Path]:
    """Files by what they stand for, in the order of their paths. Raises DataError naming two that stand for the same."""
    found: dict[str, Path] = {}
    for path in sorted(paths):
        other = found.setdefault(plain(key(path)), path)
        if other != path:
            raise DataError(f"{other} and {path} both stand for {plain(key(path))!r}", "rename one of them, or move it elsewhere")
    return found
