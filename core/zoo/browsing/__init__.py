"""Browsing: past runs as a list that tells them apart, filtered, paged, exported, named."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Results", "RunRow", "duckdb_query", "name_run", "note_run", "shard_files", "shard_places"]

if TYPE_CHECKING:
    from zoo.browsing.found import Results
    from zoo.browsing.labelling import name_run, note_run
    from zoo.browsing.shards import duckdb_query, shard_files, shard_places
    from zoo.runs.rows import RunRow
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.browsing.found": ["Results"],
            "zoo.browsing.labelling": ["name_run", "note_run"],
            "zoo.browsing.shards": ["duckdb_query", "shard_files", "shard_places"],
            "zoo.runs.rows": ["RunRow"],
        },
    )
