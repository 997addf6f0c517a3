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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache
from itertools import islice
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
MANY = 256
"""Files that a thread takes at once, so that each costs little more than its reading."""
_anew = 0


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hexadecimal. Raises OSError where it cannot be read."""
    return files_sha256([path])[0]


def files_sha256(paths: Iterable[str | os.PathLike[str]], unreadable: str | None = None) -> list[str]:
    """SHA-256 of the content of each of many files; what has changed is hashed by threads.

    `unreadable` stands for one that cannot be read; without it that raises OSError.
    """
    names = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - of 50,000 files a Path of each would cost most
    stamps = {name: _stamp_of(name, unreadable) for name in names}
    with session():
        found = _get_some(stamps)
        changed = [name for name in stamps if name not in found]
        found |= _hashed_all(changed, stamps, unreadable)
    return [found[name] for name in names]


def _hashed_all(changed: Sequence[str], stamps: Mapping[str, str], unreadable: str | None) -> dict[str, str]:
    """Hashes of files that have changed, by threads where there are several."""
    threads = os.cpu_count() or 1
    size = max(1, min(MANY, len(changed) // (4 * threads)))
    parts = [changed[start : start + size] for start in range(0, len(changed), size)]
    if len(parts) < 2:
        return _hashed_some(changed, stamps, unreadable)
    contexts = [copy_context() for _ in parts]  # whose home it is
    with ThreadPoolExecutor(threads) as pool:
        some = pool.map(lambda context, part: context.run(_hashed_some, part, stamps, unreadable), contexts, parts)
        return {name: sha256 for part in some for name, sha256 in part.items()}


def _hashed_some(names: Iterable[str], stamps: Mapping[str, str], unreadable: str | None) -> dict[str, str]:
    """Hashes of some files, each of which is kept where it can be."""
    found: dict[str, str] = {}
    kept: list[tuple[str, str, str]] = []
    for name in names:
        try:
            found[name], keepable = _hashed(name, stamps[name])
        except OSError:
            if unreadable is None:
                raise
            found[name], keepable = unreadable, False
        if keepable:
            kept.append((name, stamps[name], found[name]))
    _put_some(kept)
    return found


def _stamp_of(name: str, unreadable: str | None) -> str:
    try:
        return _stamp(os.stat(name))
    except OSError:
        if unreadable is None:
            raise
        return ""


def _hashed(name: str, before: str) -> tuple[str, bool]:
    """The hash of a file, and whether it can be kept."""
    began = time.time_ns()
    with open(name, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
        after = os.fstat(opened.fileno())
    is_settled = max(after.st_mtime_ns, after.st_ctime_ns) < began - SETTLED_NS
    return found, bool(before) and before == _stamp(after) and is_settled


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
    return _get_some({name: stamp}).get(name)


def _get_some(stamps: Mapping[str, str]) -> dict[str, str]:
    """What is kept under names whose stamps are as they were."""
    named = {encodable(name): name for name, stamp in stamps.items() if stamp}
    rest, found = iter(named), {}
    with suppress(sqlite3.Error), session() as kept, _lock:
        while kept is not None and not _anew and (some := list(islice(rest, MANY))):
            ask = f"SELECT name, stamp, value FROM kept WHERE name IN ({', '.join('?' * len(some))})"
            for name, stamp, value in kept.execute(ask, some):
                if stamps[named[name]] == stamp:
                    found[named[name]] = value
    return found


def _put(name: str, stamp: str, value: str) -> None:
    _put_some([(name, stamp, value)])


def _put_some(rows: Iterable[tuple[str, str, str]]) -> None:
    told = [(encodable(name), stamp, value) for name, stamp, value in rows]
    with suppress(sqlite3.Error), session() as kept, _lock:
        if kept is not None and told:
            kept.execute("BEGIN IMMEDIATE")
            kept.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", told)
            kept.execute("COMMIT")


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
