"""Hashes of files, and what else is derived of their content, kept below `ZOO_HOME` and computed anew after any change.

A file counts as unchanged where size, times of content and of inode, inode and device are what they were: whoever keeps size
and mtime changes the ctime. One that changed just before it was hashed is not kept, as it may change again unseen.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path
from typing import Any

from zoo.home import cache_dir
from zoo.wording import encodable

SETTLED_NS = 2_000_000_000
"""A file that changed within this time may change again and keep its stamp: file systems' clocks tick in up to 2 s."""
_TABLES = """
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, stamp TEXT NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
"""
_lock = threading.RLock()
_open: "dict[Path, tuple[sqlite3.Connection | None, int]]" = {}
"""The caches that are open, one a home, and in how many sessions each."""
_derived: "OrderedDict[str, tuple[str, Any]]" = OrderedDict()
"""What this process was given by `remembered` last, so that it need not be read and parsed again."""
DERIVED = 2048
_anew = 0


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hexadecimal. Raises OSError where it cannot be read."""
    where = os.path.realpath(path)
    before = _stamp(os.stat(where))
    if before and (kept := _get(where, before)):
        return kept
    began = time.time_ns()
    with open(where, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
        after = os.fstat(opened.fileno())
    if before and before == _stamp(after) and max(after.st_mtime_ns, after.st_ctime_ns) < began - SETTLED_NS:
        _put(where, before, found)
    return found


def files_sha256(paths: Iterable[str | os.PathLike[str]], unreadable: str | None = None) -> list[str]:
    """SHA-256 of the content of each of many files, by threads.

    `unreadable` stands for one that cannot be read; without it that raises OSError.
    """

    def hashed(path: str | os.PathLike[str]) -> str:
        try:
            return file_sha256(path)
        except OSError:
            if unreadable is None:
                raise
            return unreadable

    listed = list(paths)
    contexts = [copy_context() for _ in listed]  # whose home it is
    with session(), ThreadPoolExecutor() as pool:
        return list(pool.map(lambda context, path: context.run(hashed, path), contexts, listed))


def remembered(name: str, stamp: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, as JSON values: kept under a name for as long as its stamp is the same. An empty stamp keeps nothing."""
    full = stamp and f"{_maker()} {stamp}"
    if not full:
        return make()
    if not _anew and (known := _derived.get(name)) and known[0] == full:
        return known[1]
    made, kept = None, _get(name, full)
    with suppress(ValueError):
        made = json.loads(kept or "")
    if made is None:
        made = make()
        _put(name, full, json.dumps(made))
    with _lock:
        _derived[name] = full, made
        while len(_derived) > DERIVED:
            _derived.popitem(last=False)
    return made


@contextmanager
def session() -> "Iterator[sqlite3.Connection | None]":
    """The cache, open for the block: once for many files, and never longer than it is needed."""
    path = cache_dir("hashes") / "hashes.sqlite"
    with _lock:
        kept, sessions = _open.get(path) or (_connect(path), 0)
        _open[path] = kept, sessions + 1
    try:
        yield kept
    finally:
        with _lock:
            kept, sessions = _open.pop(path)
            if sessions > 1:
                _open[path] = kept, sessions - 1
            elif kept is not None:
                kept.close()


@contextmanager
def hashing_anew() -> Iterator[None]:
    """Every file is opened and hashed in the block, whatever is kept."""
    global _anew
    _anew += 1
    try:
        yield
    finally:
        _anew -= 1


def settled(stamps_ns: "list[int]") -> bool:
    """Whether all of these times lie so far back that no later change can bear the same."""
    return all(when < time.time_ns() - SETTLED_NS for when in stamps_ns)


@cache
def _maker() -> str:
    """Hash of the code that derives things of files: what another version of it has kept is no use."""
    parts = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _stamp(status: os.stat_result) -> str:
    """What changes when a file does; empty on Windows, whose ctime is that of the creation."""
    if os.name == "nt":
        return ""
    return repr((status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev))


def _get(name: str, stamp: str) -> str | None:
    with suppress(sqlite3.Error), session() as kept, _lock:
        ask = "SELECT stamp, value FROM kept WHERE name = ?"
        row = None if _anew or kept is None else kept.execute(ask, (encodable(name),)).fetchone()
        if row and row[0] == stamp:
            return str(row[1])
    return None


def _put(name: str, stamp: str, value: str) -> None:
    with suppress(sqlite3.Error), session() as kept, _lock:
        if kept is not None:
            kept.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (encodable(name), stamp, value))


def _connect(path: Path) -> "sqlite3.Connection | None":
    """The cache; None where it cannot be read or written, which costs time and nothing else."""
    with suppress(OSError, sqlite3.Error):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
        with suppress(sqlite3.Error):
            kept.executescript(_TABLES)
            return kept
        kept.close()
    return None
