"""One writer a folder: neither two processes nor two threads of one ever compute the same run or training at once."""

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.errors import RunError, StoreError

_changed = threading.Condition()
_holders: dict[str, int] = {}
"""Folders that threads of this process hold, each with its thread."""


@contextmanager
def locked(folder: Path, what: str, hint: str, wait: float | None = None) -> Iterator[None]:
    """Hold a folder's lock, which the system lets go of when the process dies, and clear away what a dead one left half.

    `wait` is for how many seconds another's end is waited for; None: for another thread of this process as long as it takes, and
    for another process not at all. Raises RunError where another has it still, saying that it is `what` ("training
    cnn/lenet5-mnist"), and the hint.
    """
    until = math.inf if wait is None else time.monotonic() + wait
    with _among_threads(os.path.realpath(folder), what, hint, until):
        lock = FileLock(folder / "lock")
        left = 0.0 if wait is None else until - time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=-1 if left == math.inf else max(0.0, left))
        except Timeout as error:
            raise RunError(f"another process is {what} at this moment", hint) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(f"cannot write {folder}: {reason}", "set ZOO_HOME to a folder of yours") from error
        try:
            for stale in folder.rglob(".*.tmp"):  # of a process that died: whoever has the lock is the only writer
                stale.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


@contextmanager
def _among_threads(folder: str, what: str, hint: str, until: float) -> Iterator[None]:
    """The folder is this thread's. Raises RunError where it is at `until` another's still, or this one's own already."""
    me = threading.get_ident()
    with _changed:
        while folder in _holders:
            left = until - time.monotonic()
            if _holders[folder] == me or left <= 0:
                raise RunError(f"{'this' if _holders[folder] == me else 'another'} thread is {what} at this moment", hint)
            _changed.wait(None if left == math.inf else left)
        _holders[folder] = me
    try:
        yield
    finally:
        with _changed:
            del _holders[folder]
            _changed.notify_all()
