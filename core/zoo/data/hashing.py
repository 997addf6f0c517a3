"""Knowing a file by its hash: nothing is parsed before it is known to be what was declared."""

import gzip
import hashlib
import zlib
from io import BytesIO
from pathlib import Path

from zoo.data.pointers import LONGEST_POINTER, pointer_problem
from zoo.identity.files import file_sha256
from zoo.specs import DataFile

LARGEST_CONTENT = 1 << 30
"""Bytes beyond which a compressed file is not unpacked, where nothing says how large its content is."""


class AlteredError(Exception):
    """A file is not the declared one: `str()` says in what, and `hint` what to do, where the cause is known."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def verify(path: Path, file: DataFile) -> None:
    """Raises AlteredError where the file at `path` is not `file`."""
    try:
        with open(path, "rb") as stream:
            _check_pointer(stream.read(LONGEST_POINTER + 1))
        if file.gzip:
            _check(file, unzip(path.read_bytes(), file.content_size))
        elif not size_fits(path, file):
            raise AlteredError(f"it has {path.stat().st_size:,} bytes, expected {file.size:,}")
        elif (known := _known(file)) is not None and known[0] == "sha256":
            _compare(*known, file_sha256(path))
        elif known is not None:
            with open(path, "rb") as stream:
                _compare(*known, hashlib.file_digest(stream, known[0]).hexdigest())
    except OSError as error:
        raise AlteredError(f"it cannot be read: {error.strerror or error}") from error


def verified_content(path: Path, file: DataFile) -> bytes:
    """Content of `file`, decompressed where it is declared gzipped. Raises AlteredError unless these very bytes are right."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise AlteredError(f"it cannot be read: {error.strerror or error}") from error
    _check_pointer(raw)
    if not file.gzip and file.size not in (None, len(raw)):
        raise AlteredError(f"it has {len(raw):,} bytes, expected {file.size:,}")
    content = unzip(raw, file.content_size) if file.gzip else raw
    _check(file, content)
    return content


def unzip(raw: bytes, size: int | None = None) -> bytes:
    """Content of a gzip file, of at most `size` bytes; what is no gzip file is taken to be unpacked already.

    Raises AlteredError where it is broken or holds more.
    """
    limit = LARGEST_CONTENT if size is None else size
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        with gzip.GzipFile(fileobj=BytesIO(raw)) as stream:
            content = stream.read(limit + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise AlteredError(f"it is a truncated or broken gzip file ({error})") from error
    if len(content) > limit:
        raise AlteredError(f"it unpacks to more than the {limit:,} bytes that it may hold")
    return content


def size_fits(path: Path, file: DataFile) -> bool:
    """Whether the file has the declared size, of a gzip file that of its content, which its last four bytes give mod 2³².

    A gzip file in several parts gives that of the last alone, so a size that does not fit proves nothing of it.
    """
    size = path.stat().st_size
    if not file.gzip:
        return file.size in (None, size)
    with open(path, "rb") as stream:
        if stream.read(2) == b"\x1f\x8b" and size >= 18:  # header and trailer of an empty gzip file
            stream.seek(-4, 2)
            size = int.from_bytes(stream.read(4), "little")
    return file.content_size is None or file.content_size % 2**32 == size


def _check_pointer(content: bytes) -> None:
    if pointer := pointer_problem(content):
        raise AlteredError(*pointer)


def _known(file: DataFile) -> tuple[str, str] | None:
    """Algorithm and value of the hash to go by."""
    if file.sha256:
        return "sha256", file.sha256
    return ("md5", file.md5) if file.md5 and not file.gzip else None


def _check(file: DataFile, content: bytes) -> None:
    if file.gzip and file.content_size not in (None, len(content)):
        raise AlteredError(f"it holds {len(content):,} bytes, expected {file.content_size:,}")
    if (known := _known(file)) is not None:
        _compare(*known, hashlib.new(known[0], content, usedforsecurity=False).hexdigest())


def _compare(algorithm: str, expected: str, found: str) -> None:
    if found != expected:
        name = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise AlteredError(f"its {name} is {found}, expected {expected}")
