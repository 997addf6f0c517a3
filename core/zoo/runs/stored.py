"""The stored predictions of a finished run, read back whole."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo.errors import RunError
from zoo.home import zoo_home
from zoo.runs.record import RunRecord

if TYPE_CHECKING:
    import pyarrow as pa


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
        path = zoo_home() / "runs" / record.key / artifact.path
        again = "run it again: only what is missing is computed"
        try:
            content = path.read_bytes()
        except OSError as error:
            elsewhere = f"{again}; or bring it from the store of who computed it: zoo store pull STORE"
            raise RunError(f"cannot read {path} of run {record.run_id}: {error.strerror or error}", elsewhere) from error
        if hashlib.sha256(content).hexdigest() != artifact.sha256:
            raise RunError(f"{path} is not what run {record.run_id} was scored on", again)
        yield pq.read_table(pa.BufferReader(content)).replace_schema_metadata()
