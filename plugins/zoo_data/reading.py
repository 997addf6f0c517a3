"""What the user's own files of every format share: text is UTF-8, and no two files stand for one sample."""

from collections.abc import Callable, Iterable
from pathlib import Path

from zoo.errors import DataError


def decoded(content: bytes, path: Path) -> str:
    """The text of a file, without a byte-order mark. Raises DataError naming the first line that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"line {line} of {path} is not UTF-8 (byte 0x{content[error.start]:02x})",
            f"save it as UTF-8, for example: iconv -f latin1 -t utf-8 {path.name} > utf8-{path.name}",
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, stripped. Raises DataError where it is not UTF-8."""
    return [line.strip() for line in decoded(path.read_bytes(), path).splitlines() if line.strip()]


def by_key(paths: Iterable[Path], key: Callable[[Path], str]) -> dict[str, Path]:
    """Files by what they stand for, in the order of their paths. Raises DataError naming two that stand for the same."""
    found: dict[str, Path] = {}
    for path in sorted(paths):
        other = found.setdefault(key(path), path)
        if other != path:
            raise DataError(f"{other} and {path} both stand for {key(path)!r}", "remove or rename one of them")
    return found
