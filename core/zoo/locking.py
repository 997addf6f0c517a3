"""One writer a folder: two processes never compute the same run or training at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.errors import RunError, StoreError


@contextmanager
def locked(folder: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a folder's lock, which the system lets go of when the process dies, and clear away what a dead one left half.

    Raises RunError where another process has it, saying that it is `what` ("training cnn/lenet5-mnist"), and the hint.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
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
