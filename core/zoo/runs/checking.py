"""Checking: whether a store is what its runs left, by all its hashes computed anew."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from zoo.errors import OptionError, StoreError
from zoo.home import using
from zoo.runs.alike import Entry, entry_of, sha256_of
from zoo.runs.copying import Held, Place, content_of, parts
from zoo.runs.record import RunRecord
from zoo.runs.rows import FORMAT, restored
from zoo.runs.schema import FILES, RECORDS, RESULTS, ROWS
from zoo.runs.shards import AT_ONCE
from zoo.runs.store import Store
from zoo.runs.waiting import how_many
from zoo.storage.address import joined, whole_address
from zoo.storage.objects import Objects


@dataclass(frozen=True)
class Checked:
    """What a check of a store found. `altered` says what is not as its runs left it."""

    records: int
    files: int
    """Files of predictions that are as they were scored: in the store, below `ZOO_HOME`, and at the addresses of records."""
    digest: str
    """SHA-256 of the hashes of all records: the same of a store and its copy."""
    altered: tuple[str, ...]
    unread: tuple[str, ...] = ()
    """Addresses that do not answer, why, and how many files are not checked for it."""
    waiting: int = 0
    """Records below `ZOO_HOME` that wait for a store, this or another, whose server was away."""


def check_store(*, home: Place | None = None, store: Place | None = None) -> Checked:
    """Compute all hashes of a store anew: of records, results, rows, and files of predictions, wherever these are.

    Raises StoreError where it cannot be read.
    """
    with using(home, store):
        kept, seen = Store(writing=False), _Seen()
        for part in parts(kept):
            seen.altered += _altered(kept, part, seen)
        lone = select(RESULTS.c.run_id).where(RESULTS.c.run_id.not_in(select(RECORDS.c.run_id))).distinct()
        seen.altered += [f"run {run_id}: results without a record" for (run_id,) in kept._rows(lone)]
        for (sha256,) in kept._rows(select(FILES.c.sha256)):
            ((content,),) = kept._rows(select(FILES.c.content).where(FILES.c.sha256 == sha256))
            seen.file(hashlib.sha256(content).hexdigest() == sha256, f"file {sha256[:12]} of the store: not what was put there")
        for path, hashes in seen.scored.items():
            if path.exists():
                seen.file(hashlib.sha256(content_of(path)).hexdigest() in hashes, f"{path}: not what any run was scored on")
        for address, named in seen.far.items():
            _look_at(address, named, seen)
    return Checked(seen.records, seen.files, seen.digest.hexdigest(), tuple(seen.altered), tuple(seen.unread), how_many())


class _Seen:
    """What was found so far."""

    def __init__(self) -> None:
        self.records = self.files = 0
        self.digest = hashlib.sha256()
        self.altered: list[str] = []
        self.unread: list[str] = []
        self.scored: dict[Path, set[str]] = {}
        """Files of predictions below `ZOO_HOME`, and the hashes that runs of the same key had of each."""
        self.far: dict[str, dict[str, set[str]]] = {}
        """The same of files below addresses."""

    def file(self, whole: bool, otherwise: str) -> None:
        self.files += whole
        self.altered += [] if whole else [otherwise]


def _altered(store: Store, part: Sequence[Held], seen: _Seen) -> Iterator[str]:
    """Which of some records are altered; of the others it is noted which files they have."""
    ids = [held.run_id for held in part]
    results, columns, rows = (_by_run(store, table, ids) for table in (RESULTS, RECORDS, ROWS))
    for held in part:
        sha256 = sha256_of(held.document)
        seen.digest.update(f"{held.run_id} {sha256}\n".encode())
        seen.records += 1
        if wrong := _wrong(held, sha256, columns[held.run_id], results.get(held.run_id, []), rows.get(held.run_id, [])):
            yield f"run {held.run_id}: {wrong}"
            continue
        for path, own in held.files:
            seen.scored.setdefault(path, set()).add(own)
        for address, name, own in held.far:
            seen.far.setdefault(address, {}).setdefault(name, set()).add(own)


def _look_at(address: str, named: dict[str, set[str]], seen: _Seen) -> None:
    """Hash files below an address, some at once. One that is not there is nobody's fault: a fresh run may have replaced it."""
    left = len(named)
    try:
        objects = Objects(whole_address(address)).asked_first()
        objects.read(next(iter(named)))  # where nobody answers, that is waited for once
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for (name, hashes), content in zip(named.items(), pool.map(objects.read, named), strict=True):
                left -= 1
                if content is not None:
                    whole = hashlib.sha256(content).hexdigest() in hashes
                    seen.file(whole, f"{joined(address, name)}: not what any run was scored on")
    except (OptionError, StoreError) as error:
        seen.unread.append(f"{left:,} files at {address}: {error}")


def _by_run(store: Store, table: Any, ids: Sequence[str]) -> dict[str, list[Any]]:
    """Rows of a table as mappings, by their runs."""
    found: dict[str, list[Any]] = {}
    names = [column.name for column in table.columns]
    for row in store._rows(select(table).where(table.c.run_id.in_(ids))):
        told = dict(zip(names, row, strict=True))
        found.setdefault(told["run_id"], []).append(told)
    return found


def _wrong(held: Held, sha256: str, columns: Sequence[Any], results: Sequence[Any], rows: Sequence[Any]) -> str:
    """What of a record is not as it was written; empty where all is."""
    if sha256 != held.sha256:
        return "its document is not what was recorded"
    try:
        made = entry_of(held.document)
        record = RunRecord.model_validate_json(held.document)
    except ValidationError:
        return "its document is not readable by this version"
    if columns[0] != made.columns:
        return "what is looked for of it is not what its document says"
    if sorted(results, key=_metric) != sorted(made.results, key=_metric):
        return "its results are not those of its document"
    row = restored(rows[0].items()) if rows and rows[0]["format"] == FORMAT else None
    if row is not None and any(row[name] != value for name, value in _told(record, made).items()):
        return "what the list shows of it is not what its document says"
    return ""


def _metric(row: dict[str, Any]) -> str:
    return str(row["metric"])


def _told(record: RunRecord, made: Entry) -> dict[str, Any]:
    """The figures of a record as its row has them."""
    first = record.primary
    scores = {
        one["metric"]: [one["value"], one["low"], one["high"], one["n"]] for one in made.results if one["value"] is not None
    }
    figures = {"metric": first.metric, "value": first.value, "ci_low": first.ci_low, "ci_high": first.ci_high, "n": first.n}
    names = {"run_id": record.run_id, "created": record.created, "benchmark": record.benchmark, "model": record.model.label}
    return {**names, **figures, "scores": scores, "passed": record.passed}
