"""The schema of the store: its tables, what keeps them from being changed, and how an earlier store becomes one of these.

What is written once are records and their results, and files by their hash. Rows can be made again; labels are the user's own.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    literal,
    select,
    text,
)

from zoo.errors import StoreError
from zoo.runs.alike import Entry, entry_of, sha256_of

VERSION = 2
"""Of this schema. 1 is what there was before a store said its version."""
CHUNK = 500
"""Records that are handled at once."""


def _exact(length: int) -> Any:
    """Text that is compared byte by byte, as SQLite does, whatever language the server is of."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


METADATA = MetaData()
SCHEMA = Table("schema_version", METADATA, Column("version", Integer, primary_key=True, autoincrement=False))
RECORDS = Table(
    "records",
    METADATA,
    Column("run_id", _exact(32), primary_key=True),
    Column("key", _exact(64), nullable=False),
    Column("created", _exact(32), nullable=False),
    Column("model", _exact(512), nullable=False),
    Column("benchmark", _exact(512), nullable=False),
    Column("sha256", _exact(64), nullable=False),
    Column("plain", Boolean, nullable=False),
    Column("fresh", Boolean, nullable=False),
    Column("alike", _exact(32), nullable=False),
    Column("variant", _exact(32), nullable=False),
    Column("record", Text, nullable=False),
    Index("records_by_time", "created", "run_id"),
    Index("records_by_model", "model", "created", "run_id"),
    Index("records_by_benchmark", "benchmark", "created", "run_id"),
    Index("records_by_key", "key", "fresh", "created"),
    Index("records_alike", "benchmark", "model", "plain", "alike", "variant", "created", "run_id"),
)
RESULTS = Table(
    "results",
    METADATA,
    Column("run_id", _exact(32), primary_key=True),
    Column("metric", _exact(256), primary_key=True),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("n", BigInteger, nullable=False),
    Index("results_by_metric", "metric", "value", "run_id"),
)
ROWS = Table(
    "run_rows",
    METADATA,
    Column("run_id", _exact(32), primary_key=True),
    Column("format", Integer, nullable=False),
    *(Column(name, Text) for name in ("created", "task", "model", "benchmark", "dataset", "split", "metric")),
    *(Column(name, Text) for name in ("device", "precision", "deepzoo", "key", "seed")),
    *(Column(name, BigInteger) for name in ("samples", "limit", "n")),
    *(Column(name, Float) for name in ("value", "ci_low", "ci_high", "seconds", "samples_per_second", "peak_memory_mib")),
    Column("passed", Boolean),
    Column("settings", Text),
    Column("metrics", Text),
    Column("scores", Text),
)
"""What lists show of a run, a column for each field of `zoo.runs.rows.RunRow`; seed, settings and scores as JSON.

`metrics` are the names of the scores: few different ones, as are settings.
"""
LABELS = Table(
    "run_labels",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("name", String(64), unique=True),
    Column("note", Text, nullable=False),
)
FILES = Table(
    "run_files",
    METADATA,
    Column("sha256", _exact(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
IMMUTABLE = (RECORDS, RESULTS, FILES)


def state(connection: Connection) -> Literal["none", "older", "current"]:
    """Whether the database holds no store, one that is to be migrated, or one of this schema, whole.

    Raises StoreError where it is of a later deepzoo.
    """
    there = set(inspect(connection).get_table_names())
    if RECORDS.name not in there:
        return "none"
    version = _version(connection, there)
    if version > VERSION:
        raise StoreError(f"the store is of a later deepzoo: its schema is {version}, not {VERSION}", "pip install -U deepzoo")
    return "current" if version == VERSION and set(METADATA.tables) <= there else "older"


def migrate(connection: Connection) -> None:
    """Give the database this schema: all of it where it is new, what lacks where it is older. The caller commits."""
    there = set(inspect(connection).get_table_names())
    old = RECORDS.name in there and _version(connection, there) == 1
    if old:
        _set_aside(connection)
    METADATA.create_all(connection)
    if old:
        _take_over(connection)
    keep_immutable(connection)
    connection.execute(SCHEMA.delete())
    connection.execute(SCHEMA.insert().values(version=VERSION))


def insert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Put records into the tables, each with its results. The caller commits."""
    connection.execute(RECORDS.insert(), [entry.columns for entry in entries])
    if results := [row for entry in entries for row in entry.results]:
        connection.execute(RESULTS.insert(), results)


def keep_immutable(connection: Connection) -> None:
    """Let the database itself refuse that records, results or files are changed or removed: SQLite and PostgreSQL do."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION zoo_immutable() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION '% are immutable', TG_TABLE_NAME; END $$"
            )
        )
    for table in IMMUTABLE if dialect in _TRIGGERS else ():
        keys = " AND ".join(f"{column.name} = NEW.{column.name}" for column in table.primary_key)
        for statement in _TRIGGERS[dialect]:
            connection.execute(text(statement.format(table=table.name, keys=keys)))


_TRIGGERS = {
    "postgresql": (
        "DROP TRIGGER IF EXISTS {table}_are_immutable ON {table}",
        "CREATE TRIGGER {table}_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION zoo_immutable()",
    ),
    "sqlite": (
        "CREATE TRIGGER IF NOT EXISTS {table}_are_immutable BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END",
        "CREATE TRIGGER IF NOT EXISTS {table}_are_kept BEFORE DELETE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END",
        # SQLite's REPLACE removes the old row without asking a trigger.
        "CREATE TRIGGER IF NOT EXISTS {table}_are_not_replaced BEFORE INSERT ON {table} "
        "WHEN EXISTS (SELECT 1 FROM {table} WHERE {keys}) BEGIN SELECT RAISE(ABORT, '{table} are immutable: it is there'); END",
    ),
}


def _version(connection: Connection, there: set[str]) -> int:
    return int(connection.execute(select(SCHEMA.c.version)).scalar() or 1) if SCHEMA.name in there else 1


_FIRST = Table(
    "records_1", MetaData(), *(Column(name, Text) for name in ("run_id", "key", "created", "model", "benchmark", "record"))
)
"""The records of schema 1, set aside while they are taken over."""


def _set_aside(connection: Connection) -> None:
    """From schema 1: make room for the new table of records."""
    there = inspect(connection)
    lacking = {column.name for column in _FIRST.columns} - {column["name"] for column in there.get_columns(RECORDS.name)}
    if lacking:
        raise StoreError("the store has a table of records that are none of runs", "set ZOO_STORE to another database")
    for index in there.get_indexes(RECORDS.name):
        connection.execute(text(f"DROP INDEX {index['name']}"))
    connection.execute(text(f"ALTER TABLE {RECORDS.name} RENAME TO {_FIRST.name}"))
    connection.execute(text(f"DROP TABLE IF EXISTS {ROWS.name}"))


def _take_over(connection: Connection) -> None:
    """From schema 1: every record with its document as it was, its hash, what is looked for of it, and its results."""
    last = ""
    while True:
        query = select(_FIRST).where(_FIRST.c.run_id > literal(last)).order_by(_FIRST.c.run_id).limit(CHUNK)
        found = connection.execute(query).mappings().all()
        if not found:
            break
        last = found[-1]["run_id"]
        insert(connection, [_taken_over(dict(row)) for row in found])
    connection.execute(text(f"DROP TABLE {_FIRST.name}"))


def _taken_over(row: dict[str, Any]) -> Entry:
    try:
        made = entry_of(row["record"])
    except ValidationError:  # of a deepzoo that writes others: kept as it is, and refused when it is read
        unknown = {"plain": False, "fresh": False, "alike": "", "variant": ""}
        return Entry({**row, "sha256": sha256_of(row["record"]), **unknown}, [])
    return Entry({**made.columns, **row}, made.results)
