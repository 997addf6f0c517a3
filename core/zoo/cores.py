"""Cores that this process may use, and how many threads that makes for each of several."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_share: ContextVar[int | None] = ContextVar("share", default=None)


def cores() -> int:
    """Cores that this process may use: its share, where it is one of several."""
    share = _share.get()
    return share or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@contextmanager
def sharing(count: int) -> Iterator[None]:
    """Within the block so many cores are this process's, and the others those of its siblings."""
    token = _share.set(count)
    try:
        yield
    finally:
        _share.reset(token)


def threads_each(processes: int) -> int:
    """CPU threads of each of so many processes: what `OMP_NUM_THREADS` says, or else its share of the cores."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else max(1, cores() // processes)
