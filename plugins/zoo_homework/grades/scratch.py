"""Temporary folders that outlive no grader: those of killed ones are removed by the next."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.errors import StoreError

PREFIX, LOCK = "zoo-grade-", "lock"
FRESH = 60.0
"""Seconds within which a new folder may not have its lock yet."""


@contextmanager
def temporary(parent: Path | None = None) -> Iterator[Path]:
    """A folder that is gone afterwards, and with it those that killed graders left. `parent` may be on a larger disk.

    Raises StoreError where there can be none.
    """
    parent = parent or Path(tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{PREFIX}*"):
            _remove_abandoned(left)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        what = f"cannot work below {parent}: {error.strerror}"
        raise StoreError(what, "free some space or make it writable, or set ZOO_HOME or TMPDIR to another folder") from error
    try:
        with FileLock(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove a grader's folder if it is ours, no grader holds its lock, and none is just about to take it."""
    with suppress(OSError, Timeout):
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and (not hasattr(os, "geteuid") or found.st_uid == os.geteuid())
        if ours and time.time() - found.st_mtime > FRESH:
            with FileLock(folder / LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
