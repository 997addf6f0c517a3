"""Where the predictions of a run lie, and how to read them with DuckDB."""

from pathlib import Path

from zoo.errors import StoreError
from zoo.runs.record import RunRecord
from zoo.runs.stored import folder_of
from zoo.storage.address import joined, whole_address
from zoo.storage.objects import Objects


def shard_files(record: RunRecord) -> list[Path]:
    """The Parquet files of a run's predictions, in the order of the samples; also those that are no longer there.

    Raises StoreError where they are kept at an address: see `shard_places`.
    """
    if record.shards_at:
        raise StoreError(f"the predictions of run {record.run_id} are no files here, but objects below {record.shards_at}")
    return [Path(folder_of(record), name) for name in _names(record)]


def shard_places(record: RunRecord) -> dict[str, bool]:
    """Path or address (without secrets) of each of a run's shards, in the order of the samples, and whether it is there."""
    folder, names = folder_of(record), _names(record)
    if not record.shards_at:
        return {str(Path(folder, name)): Path(folder, name).is_file() for name in names}
    there = Objects(joined(whole_address(record.shards_at), record.key)).names()
    return {f"{folder}/{name}": name in there for name in names}


def duckdb_query(record: RunRecord) -> str:
    """SQL for DuckDB that reads all predictions of a run, a row a sample: `id`, and the columns of the task."""
    folder = folder_of(record)
    if record.shards_at:  # where half an upload, or what was replaced, may lie beside them
        listed = ", ".join(_quoted(f"{folder}/{name}") for name in _names(record))
        return f"SELECT * FROM read_parquet([{listed}])"
    for sign in "[*?":  # which else stand for other names
        folder = folder.replace(sign, f"[{sign}]")
    return f"SELECT * FROM {_quoted(f'{folder}/shards/*.parquet')}"


def _names(record: RunRecord) -> list[str]:
    return [artifact.path for artifact in record.artifacts if artifact.path.startswith("shards/")]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
