"""Taking declared members out of an archive, and nothing else."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from zoo.errors import DataError

LARGEST_MEMBER = 1 << 30
"""Bytes beyond which a member is not unpacked, where nothing says how large it is."""


def unpack(archive: Path, members: Mapping[str, int | None], store: Callable[[str, bytes], None]) -> None:
    """Call `store(name, content)` for each of `members` (name to size in bytes) of a zip or a tar, compressed or not.

    One pass, no path of the archive is ever written to. Raises DataError where it is broken, or a member is missing or
    larger than declared.
    """
    missing = dict(members)

    def take(name: str, stream: IO[bytes] | None) -> None:
        limit = missing.pop(name) or LARGEST_MEMBER
        content = stream.read(limit + 1) if stream else b""
        if stream is None or len(content) > limit:
            raise DataError(f"{name} in {archive} is no file of at most {limit:,} bytes", "the archive is not the declared one")
        store(name, content)

    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                for name in missing.keys() & set(opened.namelist()):
                    with opened.open(name) as stream:
                        take(name, stream)
        else:
            with tarfile.open(archive, "r|*") as tar:
                for entry in tar:
                    if entry.name.removeprefix("./") in missing:
                        take(entry.name.removeprefix("./"), tar.extractfile(entry))
                    if not missing:
                        break
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{archive} is a broken archive: {error}",
            "put a whole copy in its place, or move it elsewhere and let it be fetched again",
        ) from error
    if missing:
        raise DataError(f"{archive} has no member {', '.join(sorted(missing))}", "the archive is not the declared one")
