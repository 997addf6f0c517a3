"""Shards: the stored predictions of a run, one Parquet file for a fixed number of samples, whole or absent.

They lie in the run's folder below `ZOO_HOME`, or at an address (see `zoo.storage`).
"""

import hashlib
import json
import operator
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from zoo.errors import StoreError
from zoo.home import scratch
from zoo.runs.record import Origin
from zoo.storage.objects import Objects, marker_of, named

KEY, INDEX, SKIPPED, ORIGIN, REMARKS = b"zoo.key", b"zoo.shard", b"zoo.skipped", b"zoo.origin", b"zoo.remarks"

AT_ONCE = 8
"""Shards that are sent to an address, or read from it, at once."""


@dataclass(frozen=True)
class Shard:
    """One shard of a run: which samples, by position in the dataset, and where its file is.

    `path` is where it is written, and lies, unless it is kept elsewhere: then below the address of `at`, the run's folder there.
    """

    index: int
    positions: Sequence[int]
    path: Path
    at: Objects | None = None

    @property
    def name(self) -> str:
        """Its file, relative to the run's folder."""
        return f"shards/{self.path.name}"

    def artifact(self, sha256: str) -> str:
        """The same as it lies there, with that content."""
        return self.name if self.at is None else named(self.name, sha256)

    def __str__(self) -> str:
        return str(self.path) if self.at is None else f"{self.at.address}/{self.name}"


class Stored(NamedTuple):
    """What a shard's file holds, and the hash of that file."""

    table: pa.Table
    skipped: dict[str, str]
    remarks: tuple[str, ...]
    sha256: str
    origin: bytes


def plan_shards(positions: Sequence[int], size: int, folder: Path, at: Objects | None = None) -> list[Shard]:
    """Cut the samples at ascending positions into shards of `size`, the last perhaps smaller."""
    starts = range(0, len(positions), size)
    return [Shard(i, positions[start : start + size], folder / f"{i:05d}.parquet", at) for i, start in enumerate(starts)]


def write_shard(
    shard: Shard,
    key: str,
    ids: Sequence[str],
    columns: Mapping[str, pa.Array],
    skipped: Mapping[str, str],
    origin: Origin,
    remarks: Iterable[str] = (),
) -> Path:
    """Write a shard beside its place, where it counts once it is `put`. `ids` and `columns` are in dataset order, without the
    skipped samples."""
    table = pa.table({"id": pa.array(ids, pa.string()), **columns})
    notes = {
        KEY: key,
        INDEX: str(shard.index),
        SKIPPED: json.dumps(dict(skipped)),
        ORIGIN: origin.model_dump_json(),
        REMARKS: json.dumps(list(remarks)),
    }
    written = pa.BufferOutputStream()
    # No dictionaries: of scores, which hardly ever repeat, they are a third of the file.
    pq.write_table(
        table.replace_schema_metadata(notes), written, compression="zstd", use_dictionary=False, write_page_checksum=True
    )
    with scratch(shard.path) as beside, open(beside, "wb") as file:
        file.write(written.getvalue())
        file.flush()
        os.fsync(file.fileno())
    return beside


def put(shard: Shard, written: Path) -> None:
    """Move a shard that is written to its place: whoever holds the lock of the run does, and nobody else."""
    try:
        if shard.at is not None:
            shard.at.put(shard.name, written.read_bytes())
            written.unlink()
        else:
            os.replace(written, shard.path)
    except OSError as error:
        again = "run it again: only that shard is computed"
        raise StoreError(f"cannot write {shard.path}: {error.strerror or error}", again) from error


@contextmanager
def putting(at: Objects | None) -> Iterator[Callable[[Shard, Path], None]]:
    """What puts shards to their places, at an address several at once; with the block all of them are there."""
    if at is None:
        yield put
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        going: deque[Future[None]] = deque()

        def send(shard: Shard, written: Path) -> None:
            while len(going) >= AT_ONCE or (going and going[0].done()):
                going.popleft().result()
            going.append(pool.submit(copy_context().run, put, shard, written))

        yield send
        for one in going:
            one.result()


def reading(shards: Sequence[Shard], read: Callable[[Shard], Stored | None]) -> Iterator[Stored | None]:
    """What is stored of each shard, in order; at an address some are read ahead."""
    if not any(shard.at for shard in shards):
        yield from map(read, shards)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rest = iter(shards)
        going = deque(pool.submit(copy_context().run, read, shard) for shard in islice(rest, AT_ONCE))
        while going:
            stored = going.popleft().result()
            going.extend(pool.submit(copy_context().run, read, shard) for shard in islice(rest, 1))
            yield stored


def listed(shards: Sequence[Shard]) -> Sequence[Shard]:
    """Those of the shards that may be there: at an address one question tells."""
    at = shards[0].at if shards else None
    if at is None:
        return shards
    names = at.names()
    return [shard for shard in shards if marker_of(shard.name) in names]


def read_shard(shard: Shard, key: str, ids: Sequence[str], schema: pa.Schema) -> Stored | None:
    """What is stored of a shard, or None where it is absent, damaged, or not this shard of this run.

    `ids` are those of the shard's samples in dataset order.
    """
    try:
        content = shard.path.read_bytes() if shard.at is None else shard.at.get(shard.name) or b""
        # Not by `read_table`, which imports pyarrow.dataset and compute.
        table = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        notes: dict[bytes, bytes] = table.schema.metadata or {}
        skipped: dict[str, str] = json.loads(notes[SKIPPED])
        remarks = tuple(map(str, json.loads(notes.get(REMARKS, b"[]"))))
        origin = notes[ORIGIN]
        Origin.model_validate_json(origin)
        belongs = notes[KEY] == key.encode() and notes[INDEX] == str(shard.index).encode()
        kept = [id_ for id_ in ids if id_ not in skipped] if skipped else ids
        whole = table["id"].combine_chunks().equals(pa.array(kept, pa.string()))
        typed = all(table.schema.field(column.name).type == column.type for column in schema)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    return Stored(table, skipped, remarks, sha256, origin) if belongs and whole and typed else None


def origins(found: Counter[bytes]) -> list[Origin]:
    """How and where shards were computed, of how many which, most of them first."""
    return [Origin.model_validate_json(text).model_copy(update={"shards": count}) for text, count in found.most_common()]


def in_order(
    ids: Sequence[str], positions: Sequence[int], columns: Mapping[str, Any]
) -> tuple[Sequence[str], dict[str, pa.Array]]:
    """Rows of batches in any order, sorted into dataset order. `columns` hold a list of Arrow arrays each."""
    merged = {name: pa.chunked_array(parts, parts[0].type).combine_chunks() for name, parts in columns.items() if parts}
    if all(map(operator.lt, positions, positions[1:])):
        return ids, merged
    order = sorted(range(len(positions)), key=positions.__getitem__)
    taken = pa.array(order, pa.int64())
    return [ids[i] for i in order], {name: column.take(taken) for name, column in merged.items()}
