"""Rows into a file, whole or not at all, in the format that its name ends in: CSV, Parquet, JSON lines."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from zoo.errors import OptionError, did_you_mean
from zoo.home import writing
from zoo.wording import harmless_json

Row = dict[str, Any]
GROUP = 4096
"""Rows of a row group of Parquet."""


def write_rows(rows: Iterable[Row], schema: pa.Schema, path: str | os.PathLike[str]) -> Path:
    """Write all rows. Raises OptionError for a name that ends in no known format, before the first row is asked for."""
    target = Path(path)
    write = writer_of(target)
    with writing(target) as temporary:
        write(rows, schema, temporary)
    return target


def writer_of(path: Path) -> Callable[[Iterable[Row], pa.Schema, Path], None]:
    """What writes files of a name. Raises OptionError."""
    found = WRITERS.get(path.suffix.lower())
    if found is None:
        raise OptionError(
            f"no table can be written to {path}", did_you_mean(path.suffix, WRITERS, f"end it in {', '.join(WRITERS)}")
        )
    return found


def json_line(row: Row) -> str:
    """A row as one line of JSON; what JSON has not is null."""
    return harmless_json(json.dumps({name: None if value != value else value for name, value in row.items()}, ensure_ascii=False))


def _jsonl(rows: Iterable[Row], schema: pa.Schema, path: Path) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{json_line(row)}\n" for row in rows)


def _csv(rows: Iterable[Row], schema: pa.Schema, path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        _write_csv(rows, schema, file)


def _write_csv(rows: Iterable[Row], schema: pa.Schema, file: IO[str]) -> None:
    """A vector takes a column for each of its numbers: `vector_0`, `vector_1`, …"""
    write = csv.writer(file, lineterminator="\n")
    lists = [name for name in schema.names if pa.types.is_list(schema.field(name).type)]
    header = schema.names if not lists else None
    if header:
        write.writerow(header)
    for row in rows:
        flat = dict(_flat(row, lists))
        if header is None:
            header = list(flat)
            write.writerow(header)
        write.writerow(["" if value is None else value for value in flat.values()])


def _flat(row: Row, lists: list[str]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name in lists:
            yield from ((f"{name}_{place}", number) for place, number in enumerate(value))
        else:
            yield name, value


def _parquet(rows: Iterable[Row], schema: pa.Schema, path: Path) -> None:
    import pyarrow.parquet as pq

    rest = iter(rows)
    with pq.ParquetWriter(path, schema) as file:
        while group := list(islice(rest, GROUP)):
            file.write_table(pa.Table.from_pylist(group, schema=schema))


WRITERS: dict[str, Callable[[Iterable[Row], pa.Schema, Path], None]] = {".csv": _csv, ".parquet": _parquet, ".jsonl": _jsonl}
