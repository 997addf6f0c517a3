"""Unpacking a stranger's zip: plain files below one folder, of a bounded number and size.

A student's zip is unpacked whole or not at all. Of a class's, what cannot be trusted is left out, and told of.
"""

import io
import os
import shutil
import stat
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from zoo_homework.statuses import Status, SubmissionError

MOST_FILES = 5000
DEEPEST = 32
LONGEST_NAME, LONGEST_PATH = 255, 1024
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The other ones unpack to any size at one read."""
DIRECTORY, CLASS_DIRECTORY = 4 << 20, 32 << 20
"""Bytes of a zip's table of contents, beyond which it is not even read: it unpacks to far more in memory."""
FILES_OF_THE_MOST = 8
"""How many files of the largest size a student of a class's zip may have."""
CHUNK = 1 << 20
Planned = tuple[zipfile.ZipInfo, PurePosixPath, str]
"""A member, its path, and why it is not unpacked."""


class Refused(NamedTuple):
    """Why something in a class's zip was left out, and its time."""

    status: Status
    message: str
    time: float


def names_in_zip(archive: Path) -> list[str]:
    """Paths of the files that a zip says it holds; none where it is no zip, or not to be trusted."""
    try:
        with _opened(archive, CLASS_DIRECTORY) as opened:
            return [member.filename for member in _files(opened)]
    except SubmissionError:
        return []


def unpack_zip(archive: Path, folder: Path, most: int) -> None:
    """Unpack a student's zip into `folder`, which must not be there yet. Nothing is left where it fails.

    Raises SubmissionError: UNSAFE_ARCHIVE for a path that leads out, a link, an encrypted or broken member, or too many;
    TOO_LARGE for more than `most` bytes in all; INTERNAL where this machine cannot write.
    """
    try:
        with _opened(archive, DIRECTORY) as opened:
            planned = _planned(_files(opened))
            _check_number(planned)
            _make(folder)
            room = most
            for one in planned:
                room -= _unpack(opened, one, folder, room)
    except SubmissionError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def unpack_class(archive: Path, folder: Path, around: str, most: int) -> dict[PurePosixPath, Refused]:
    """Unpack a class's zip, whose entries of students lie in its folder `around`, and no file of more than `most` bytes.

    Returns why paths below `around` were left out. Raises SubmissionError where that cannot be laid on one student.
    """
    students: dict[str, list[Planned]] = defaultdict(list)
    refused: dict[PurePosixPath, Refused] = {}
    with _opened(archive, CLASS_DIRECTORY) as opened:
        for member, path, why in _planned(_files(opened)):
            entry = path.parts[: 2 if around else 1]
            if path.is_absolute() or ".." in entry or not entry:
                raise SubmissionError(Status.UNSAFE_ARCHIVE, why)
            if not around or entry[0] == around:
                students[entry[-1]].append((member, path.relative_to(around), why))
        _make(folder)
        for planned in students.values():
            try:
                _check_number(planned)
            except SubmissionError as error:
                member, path, _ = planned[0]
                refused[path] = Refused(error.status, error.message, _time(member))
            else:
                refused |= _unpack_what_can_be(opened, planned, folder, most)
    return refused


def _unpack_what_can_be(
    opened: zipfile.ZipFile, planned: Sequence[Planned], folder: Path, most: int
) -> dict[PurePosixPath, Refused]:
    refused, room = {}, most * FILES_OF_THE_MOST
    for one in planned:
        try:
            room -= _unpack(opened, one, folder, min(room, most))
        except SubmissionError as error:
            refused[one[1]] = Refused(error.status, error.message, _time(one[0]))
    return refused


class _File(io.BufferedReader):
    """A zip's file, of which zipfile cannot read a huge table of contents, whatever the zip says of itself."""

    most: int

    def read(self, size: int | None = -1, /) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        if min(left, left if size is None or size < 0 else size) > self.most:
            raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip's table of contents is larger than {self.most:,} bytes")
        return super().read(size)


@contextmanager
def _opened(archive: Path, most: int) -> Iterator[zipfile.ZipFile]:
    """A zip with a table of contents of at most so many bytes."""
    with _reading():
        file = _File(io.FileIO(archive))
    with file:
        file.most = most
        with _reading():
            opened = zipfile.ZipFile(file)
        with opened:
            yield opened


@contextmanager
def _reading() -> Iterator[None]:
    """What zipfile raises, which may be anything, is the zip's fault."""
    try:
        yield
    except SubmissionError:
        raise
    except Exception as error:
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip cannot be unpacked: {error}") from error


def _files(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [member for member in opened.infolist() if not member.filename.endswith("/")]


def _planned(members: Sequence[zipfile.ZipInfo]) -> list[Planned]:
    paths = [PurePosixPath(*PurePosixPath(member.filename).parts[: DEEPEST + 1]) for member in members]
    planned = [(member, path, _refusal(member, path)) for member, path in zip(members, paths, strict=True)]
    safe = [path for _, path, why in planned if not why]
    often, folders = Counter(safe), {parent for path in safe for parent in path.parents}
    twice = "the zip holds one path twice: {!r}"
    return [
        (member, path, why or (twice.format(str(path)[:80]) if often[path] > 1 or path in folders else ""))
        for member, path, why in planned
    ]


def _refusal(member: zipfile.ZipInfo, path: PurePosixPath) -> str:
    """Why a member is not unpacked, if it is no plain file of a plain name below the zip's folder."""
    name = member.filename
    called = repr(name if len(name) <= 80 else name[:80] + "…")
    if path.is_absolute() or ".." in path.parts or "\0" in member.orig_filename or not path.parts:
        return f"the zip holds a path that leads out of it: {called}"
    if "\\" in name or ":" in name:
        return f"the zip holds a name with a colon or a backslash, which not every system can have: {called}"
    if len(path.parts) > DEEPEST:
        return f"the zip holds folders that are nested more than {DEEPEST} deep: {called}"
    if len(os.fsencode(name)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        return f"the zip holds a name that is too long: {called}"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return f"the zip holds a link or a device: {called}"
    if member.compress_type not in METHODS:
        return f"the zip is not compressed by deflate, as any zip program does it by default: {called}"
    return ""


def _check_number(planned: Sequence[Planned]) -> None:
    if len(planned) > MOST_FILES:
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"it holds {len(planned):,} files, more than {MOST_FILES:,}")


def _unpack(opened: zipfile.ZipFile, planned: Planned, folder: Path, room: int) -> int:
    """Write one member; its size. Nothing is left of it where that fails."""
    member, path, why = planned
    if why:
        raise SubmissionError(Status.UNSAFE_ARCHIVE, why)
    if member.file_size > room:  # zipfile reads no more of it than it says here
        raise SubmissionError(Status.TOO_LARGE, f"the zip unpacks to more than the {room:,} bytes that were left for it")
    target = folder / path
    try:
        _make(target.parent)
        with _reading():
            source = opened.open(member)
        with source, _writing():
            with open(target, "xb") as file:
                while chunk := _read(source):
                    file.write(chunk)
            os.utime(target, (_time(member),) * 2)
    except SubmissionError:
        with suppress(OSError):
            target.unlink()
        raise
    return member.file_size


def _read(source: IO[bytes]) -> bytes:
    with _reading():
        return source.read(CHUNK)


def _make(folder: Path) -> None:
    with _writing():
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _writing() -> Iterator[None]:
    """A full disk is not the student's fault."""
    try:
        yield
    except OSError as error:
        raise SubmissionError(Status.INTERNAL, f"the zip could not be written to disk: {error.strerror}") from error


def _time(member: zipfile.ZipInfo) -> float:
    """A zip holds local times; 0.0 for what is none, as where a program wrote zeros."""
    try:
        return datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
