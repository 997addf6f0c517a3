"""Unpacking a stranger's zip: plain files below one folder, of a bounded size in all, or not at all."""

import os
import shutil
import stat
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from zoo_homework.statuses import Status, SubmissionError

MOST_FILES = 5000
LARGEST_DIRECTORY = 4 << 20
"""Bytes of a zip's table of contents, beyond which it is not even read: it unpacks to far more in memory."""
END_RECORD = b"PK\x05\x06"
CHUNK = 1 << 20


def names_in_zip(archive: Path) -> list[str]:
    """Paths of the files that a zip says it holds; none where it is not to be trusted."""
    try:
        _check_directory(archive)
        with zipfile.ZipFile(archive) as opened:
            return [member.filename for member in opened.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, SubmissionError, OSError, ValueError, NotImplementedError):
        return []


def unpack_zip(archive: Path, folder: Path, most: int) -> list[Path]:
    """Unpack into `folder`, which must not be there yet; the files' paths, sorted. Nothing is left where it fails.

    Raises SubmissionError: UNSAFE_ARCHIVE for a path that leads out, a link, an encrypted or broken member, or too many;
    TOO_LARGE for more than `most` bytes in all, counted as they are unpacked, whatever the archive says of itself.
    """
    try:
        _check_directory(archive)
        with zipfile.ZipFile(archive) as opened:
            members = [(member, _safe_path(member)) for member in opened.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES:
                raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip holds {len(members):,} files, more than {MOST_FILES:,}")
            if len({path for _, path in members}) != len(members):
                raise SubmissionError(Status.UNSAFE_ARCHIVE, "the zip holds one path twice")
            folder.mkdir(parents=True)
            room = most
            for member, path in members:
                room -= _unpack(opened, member, folder / path, room, most)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip cannot be unpacked: {error}") from error
    except SubmissionError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return sorted(folder / path for _, path in members)


def _check_directory(archive: Path) -> None:
    """Refuse a zip whose table of contents is huge, or whose end is not found, before zipfile reads it."""
    with open(archive, "rb") as file:
        file.seek(max(0, archive.stat().st_size - (1 << 16) - 22))
        tail = file.read()
    start = tail.rfind(END_RECORD)
    if start < 0 or len(tail) < start + 22:
        raise zipfile.BadZipFile("it has no end record")
    if int.from_bytes(tail[start + 12 : start + 16], "little") > LARGEST_DIRECTORY:
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip's table of contents is larger than {LARGEST_DIRECTORY:,} bytes")


def _safe_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """The member's path, if it stays below its folder and is a plain file."""
    name, path = member.filename, PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in member.orig_filename or not path.parts:
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip holds a path that leads out of it: {name[:80]!r}")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise SubmissionError(Status.UNSAFE_ARCHIVE, f"the zip holds a link or a device: {name[:80]!r}")
    return path


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, room: int, most: int) -> int:
    """Write one member; its size. What it says of its size is not believed."""
    size = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, open(path, "xb") as target:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise SubmissionError(Status.TOO_LARGE, f"the zip unpacks to more than the {most:,} bytes that it may hold")
            target.write(chunk)
    written = datetime(*member.date_time, tzinfo=UTC).timestamp() if member.date_time[1] and member.date_time[2] else 0.0
    os.utime(path, (written, written))
    return size
