"""The stored predictions of a finished run, read back whole."""

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import RunError
from zoo.home import zoo_home
from zoo.runs.record import RunRecord
from zoo.storage.address import joined, whole_address
from zoo.storage.objects import Objects

if TYPE_CHECKING:
    import pyarrow as pa

AT = "shards_at.txt"
"""File of a run's folder that says at which address its shards are."""


def stored_predictions(record: RunRecord) -> "pa.Table":
    """All rows of a run's shards in the order of the dataset: `id`, and the columns of the task (see `zoo.tasks`).

    Raises RunError where a shard is not the one that was scored.
    """
    import pyarrow as pa

    return pa.concat_tables(stored_shards(record))


def stored_shards(record: RunRecord) -> "Iterator[pa.Table]":
    """The same a shard at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for artifact in record.artifacts:
        if not artifact.path.startswith("shards/"):
            continue
        path = f"{folder_of(record)}/{artifact.path}"
        again = "run it again: only what is missing is computed"
        try:
            content = _content(record, artifact.path)
        except OSError as error:
            elsewhere = f"{again}; or bring it from the store of who computed it: zoo store pull STORE"
            raise RunError(f"cannot read {path} of run {record.run_id}: {error.strerror or error}", elsewhere) from error
        if hashlib.sha256(content).hexdigest() != artifact.sha256:
            raise RunError(f"{path} is not what run {record.run_id} was scored on", again)
        yield pq.ParquetFile(pa.BufferReader(content)).read().replace_schema_metadata()  # as `read_shard` does


def folder_of(record: RunRecord) -> str:
    """Where the run's folder with its shards is: a path, or an address without its secrets."""
    return joined(record.shards_at, record.key) if record.shards_at else str(zoo_home() / "runs" / record.key)


def _content(record: RunRecord, name: str) -> bytes:
    """What a file of a run holds. Raises OSError where it is not there, StoreError where an address does not answer."""
    if not record.shards_at:
        return Path(folder_of(record), name).read_bytes()
    content = Objects(joined(whole_address(record.shards_at), record.key)).read(name)
    if content is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such object")
    return content


def marked_in(folder: Path) -> str:
    """The address at which the shards of a run's folder are kept, without secrets; empty where they are in it."""
    try:
        return (folder / AT).read_text(encoding="utf-8")
    except OSError:
        return ""


def remove_shards(folder: Path) -> None:
    """Remove the shards of a run's folder at their address, with their notes. Raises OptionError, StoreError."""
    if address := marked_in(folder):
        Objects(joined(whole_address(address), folder.name)).asked_first().clear()
