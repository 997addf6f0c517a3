"""Shards: the stored predictions of a run, one Parquet file for a fixed number of samples, whole or absent."""

import hashlib
import json
import operator
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from zoo.errors import RunError, StoreError
from zoo.home import writing
from zoo.runs.record import Origin

KEY, INDEX, SKIPPED, ORIGIN, REMARKS = b"zoo.key", b"zoo.shard", b"zoo.skipped", b"zoo.origin", b"zoo.remarks"


@dataclass(frozen=True)
class Shard:
    """One shard of a run: which samples, by position in the dataset, and where its file is."""

    index: int
    positions: Sequence[int]
    path: Path


class Stored(NamedTuple):
    """What a shard's file holds, and the hash of that file."""

    table: pa.Table
    skipped: dict[str, str]
    remarks: tuple[str, ...]
    sha256: str


def plan_shards(positions: Sequence[int], size: int, folder: Path) -> list[Shard]:
    """Cut the samples at ascending positions into shards of `size`, the last perhaps smaller."""
    starts = range(0, len(positions), size)
    return [Shard(i, positions[start : start + size], folder / f"{i:05d}.parquet") for i, start in enumerate(starts)]


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
    beside = shard.path.with_name(f".{shard.path.name}.{os.urandom(6).hex()}.tmp")  # cleared away if nobody comes for it
    with writing(beside) as temporary:
        pq.write_table(table.replace_schema_metadata(notes), temporary, compression="zstd", write_page_checksum=True)
    return beside


def put(shard: Shard, written: Path) -> None:
    """Move a shard that is written to its place: whoever holds the lock of the run does, and nobody else."""
    try:
        os.replace(written, shard.path)
    except OSError as error:
        again = "run it again: only that shard is computed"
        raise StoreError(f"cannot write {shard.path}: {error.strerror or error}", again) from error


def read_shard(shard: Shard, key: str, ids: Sequence[str], schema: pa.Schema) -> Stored | None:
    """What is stored of a shard, or None where it is absent, damaged, or not this shard of this run.

    `ids` are those of the shard's samples in dataset order.
    """
    try:
        content = shard.path.read_bytes()
        table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True, partitioning=None)
        notes: dict[bytes, bytes] = table.schema.metadata or {}
        skipped: dict[str, str] = json.loads(notes[SKIPPED])
        remarks = tuple(map(str, json.loads(notes.get(REMARKS, b"[]"))))
        Origin.model_validate_json(notes[ORIGIN])
        belongs = notes[KEY] == key.encode() and notes[INDEX] == str(shard.index).encode()
        kept = [id_ for id_ in ids if id_ not in skipped] if skipped else ids
        whole = table["id"].combine_chunks().equals(pa.array(kept, pa.string()))
        typed = all(table.schema.field(column.name).type == column.type for column in schema)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None
    return Stored(table, skipped, remarks, hashlib.sha256(content).hexdigest()) if belongs and whole and typed else None


def origins(shards: Sequence[Shard]) -> list[Origin]:
    """How and where these shards were computed, most of them first. Raises RunError where one cannot be read."""
    found: Counter[bytes] = Counter()
    for shard in shards:
        try:
            found[pq.read_metadata(shard.path).metadata[ORIGIN]] += 1
        except (OSError, pa.ArrowException, KeyError, TypeError) as error:
            raise RunError(f"shard {shard.path} was altered while the run went on", "run it again") from error
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
