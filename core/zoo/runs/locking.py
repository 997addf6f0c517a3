"""One writer a run: two processes never compute the shards of one key at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from zoo.errors import RunError, StoreError
from zoo.runs.plan import Plan


@contextmanager
def locked(plan: Plan) -> Iterator[None]:
    """Hold the run's lock, which the system lets go of when the process dies, and clear away what a dead one left half.

    Raises RunError where another process has it.
    """
    lock = FileLock(plan.folder / "lock", timeout=0)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        hint = "wait for it to end and run again: its shards will be reused"
        raise RunError(
            f"another process is running {plan.model.info.name} on {plan.benchmark.name} at this moment", hint
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {plan.folder}: {reason}", "set ZOO_HOME to a folder of yours") from error
    try:
        for stale in plan.folder.rglob(".*.tmp"):  # of a process that died: whoever has the lock is the only writer
            stale.unlink(missing_ok=True)
        yield
    finally:
        lock.release()
