"""Copying: records with their predictions from one store to another.

A store that takes copies keeps the files of predictions, too, by their SHA-256. The document of a record is copied as it is, so
a copy has the same hash, and one that was altered another.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from zoo.errors import RunError, StoreError
from zoo.home import using, writing, zoo_home
from zoo.locking import locked
from zoo.runs.alike import Entry, entry_of, sha256_of
from zoo.runs.schema import CHUNK, FILES, RECORDS, insert
from zoo.runs.store import Store

KEY = re.compile(r"[0-9a-f]{32}")
Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Copied:
    """What became of a copy. `altered` says which records are not what was recorded, or another in the other store."""

    records: int
    """Written."""
    there: int
    """Records that the other store had."""
    files: int
    """Files of predictions that were copied."""
    absent: int
    """Files of predictions that are not where they are copied from, or no longer those that were scored."""
    altered: tuple[str, ...]


class Held(NamedTuple):
    """A record in a store, and the hash that was taken when it was written."""

    run_id: str
    sha256: str
    document: str

    @property
    def files(self) -> Iterator[tuple[Path, str]]:
        """Where the files of its predictions belong, and their hashes; without those that are kept at an address."""
        for at, name, sha256 in self._predictions():
            if not at:
                yield zoo_home() / "runs" / name, sha256

    @property
    def far(self) -> Iterator[tuple[str, str, str]]:
        """Those at an address (`shards_at`): it, the name below it, and the hash. Who has the record reads them there."""
        return (one for one in self._predictions() if one[0])

    def _predictions(self) -> Iterator[tuple[str, str, str]]:
        """Address (empty: `ZOO_HOME`), name and hash of each file; none that would lie outside of the run's folder."""
        told = from_json(self.document)
        for one in told["artifacts"] if KEY.fullmatch(told["key"]) else ():
            path = PurePosixPath(one["path"])
            if not path.is_absolute() and ".." not in path.parts and "\\" not in one["path"]:
                at = told.get("shards_at") if one["path"].startswith("shards/") else ""
                yield at or "", f"{told['key']}/{one['path']}", one["sha256"]


def push(to: Place, *, home: Place | None = None, store: Place | None = None) -> Copied:
    """Copy the records of this store, and their predictions below `ZOO_HOME`, to another store: a URL, or a SQLite file.

    What is there stays as it is. Names and notes are each store's own. `home` and `store` stand for `ZOO_HOME` and `ZOO_STORE`.
    Raises StoreError.
    """
    with using(home, store):
        source, target, tally = Store(writing=False), _other(to, writing=True), _Tally()
        for part in _copied_records(source, target, tally):
            wanted = {sha256: path for held in part for path, sha256 in held.files}
            query = select(FILES.c.sha256).where(FILES.c.sha256.in_(list(wanted)))
            for sha256 in wanted.keys() - {kept for (kept,) in target._rows(query)}:
                content = content_of(wanted[sha256])
                if hashlib.sha256(content).hexdigest() == sha256:
                    tally.files += _written(target, partial(_insert_file, sha256=sha256, content=content))
                else:
                    tally.absent += 1
    return tally.copied()


def pull(source: Place, *, home: Place | None = None, store: Place | None = None) -> Copied:
    """Copy the records of another store, and the predictions that it keeps, to this store and `ZOO_HOME`: see `push`.

    Predictions that are here are left as they are, also where they were computed here. Raises StoreError.
    """
    with using(home, store):
        other, here, tally = _other(source, writing=False), Store(), _Tally()
        for part in _copied_records(other, here, tally):
            for path, sha256, run_id in [(*file, held.run_id) for held in part for file in held.files]:
                if path.exists():
                    continue
                found = other._rows(select(FILES.c.content).where(FILES.c.sha256 == sha256))
                content = bytes(found[0][0]) if found else b""
                if hashlib.sha256(content).hexdigest() == sha256 and _put(path, content, run_id):
                    tally.files += 1
                else:
                    tally.absent += 1
    return tally.copied()


def _other(place: Place, *, writing: bool) -> Store:
    text = os.fspath(place)
    file = Path(text).expanduser().absolute()
    store = Store(text if "://" in text or _is_address(text, file) else f"sqlite:///{file}", writing=writing)
    if store.absent:
        raise StoreError(f"there is no store {store.url}", "copy from one that a run, or a push, has made")
    return store


def _is_address(text: str, file: Path) -> bool:
    """Whether a text is rather an address with a login, which is misspelt, than a file."""
    return ":" in text.partition("@")[0] and "@" in text and not file.exists()


def parts(store: Store) -> Iterator[list[Held]]:
    """All records of a store, by their ids, some at a time."""
    last = ""
    columns = (RECORDS.c.run_id, RECORDS.c.sha256, RECORDS.c.record)
    while part := store._rows(select(*columns).where(RECORDS.c.run_id > last).order_by(RECORDS.c.run_id).limit(CHUNK)):
        yield [Held(*row) for row in part]
        last = part[-1][0]


@dataclass
class _Tally:
    records: int = 0
    there: int = 0
    files: int = 0
    absent: int = 0
    altered: list[str] = field(default_factory=list)

    def copied(self) -> Copied:
        return Copied(self.records, self.there, self.files, self.absent, tuple(self.altered))


def _copied_records(source: Store, target: Store, tally: _Tally) -> Iterator[list[Held]]:
    """Copy the records that the target lacks; some at a time, those that are whole, and the same in both."""
    for part in parts(source):
        query = select(RECORDS.c.run_id, RECORDS.c.sha256).where(RECORDS.c.run_id.in_([held.run_id for held in part]))
        whole = [held for held in part if sha256_of(held.document) == held.sha256]
        while True:
            known = dict(target._rows(query))
            made = {held.run_id: _entry(held.document) for held in whole if held.run_id not in known}
            new = [entry for entry in made.values() if entry is not None]
            if not new or _written(target, partial(insert, entries=new)):
                break
        same = [held for held in whole if known.get(held.run_id, held.sha256) == held.sha256 and made.get(held.run_id, True)]
        tally.altered += [f"run {held.run_id}: its document is not what was recorded" for held in part if held not in whole]
        tally.altered += [f"run {run_id}: its document is not readable by this version" for run_id in made if not made[run_id]]
        tally.altered += [
            f"run {held.run_id}: another record in the other store"
            for held in whole
            if known.get(held.run_id, held.sha256) != held.sha256
        ]
        tally.records += len(new)
        tally.there += len(known)
        yield same


def _entry(document: str) -> Entry | None:
    """The document as tables have it; None where this version cannot read it."""
    try:
        return entry_of(document)
    except ValidationError:
        return None


def _written(target: Store, change: Callable[[Connection], None]) -> bool:
    """Change a store; False where some of what was to be written is there by now, as somebody else copies the same."""
    try:
        target._write(change)
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):
            return False
        raise
    return True


def _insert_file(connection: Connection, sha256: str, content: bytes) -> None:
    connection.execute(FILES.insert().values(sha256=sha256, content=content))


def content_of(path: Path) -> bytes:
    """The content of a file; empty where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _put(path: Path, content: bytes, run_id: str) -> bool:
    """Lay a file of predictions into its run's folder, unless the run is being computed at this moment."""
    try:
        folder = next(parent for parent in path.parents if parent.parent == zoo_home() / "runs")
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, f"copying run {run_id}", "copy again when it has ended", False):
            if not path.exists():
                with writing(path) as temporary:
                    temporary.write_bytes(content)
    except RunError:
        return False
    return True
