"""Where the predictions of a run lie, and how to read them with DuckDB."""

from pathlib import Path

from zoo.home import zoo_home
from zoo.runs.record import RunRecord


def shard_files(record: RunRecord) -> list[Path]:
    """The Parquet files of a run's predictions, in the order of the samples; also those that are no longer there."""
    folder = zoo_home() / "runs" / record.key
    return [folder / artifact.path for artifact in record.artifacts if artifact.path.startswith("shards/")]


def duckdb_query(record: RunRecord) -> str:
    """SQL for DuckDB that reads all predictions of a run, a row a sample: `id`, and the columns of the task."""
    folder = str(zoo_home() / "runs" / record.key / "shards")
    for sign in "[*?":  # which else stand for other names
        folder = folder.replace(sign, f"[{sign}]")
    return f"SELECT * FROM '{folder.replace(chr(39), chr(39) * 2)}/*.parquet'"
