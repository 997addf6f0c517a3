"""The store: immutable records in one SQL database, SQLite below `ZOO_HOME` unless `ZOO_STORE` names another."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from sqlalchemy import Column, Engine, MetaData, String, Table, Text, create_engine, event, make_url, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from zoo.errors import AmbiguousNameError, StoreError, UnknownNameError, reason_of
from zoo.home import zoo_home
from zoo.runs.record import RunRecord

_METADATA = MetaData()
_RECORDS = Table(
    "records",
    _METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("key", String(64), nullable=False, index=True),
    Column("created", String(32), nullable=False, index=True),
    Column("model", String(512), nullable=False, index=True),
    Column("benchmark", String(512), nullable=False, index=True),
    Column("record", Text, nullable=False),
)
_IMMUTABLE = """
CREATE TRIGGER IF NOT EXISTS records_are_immutable BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'records are immutable'); END
"""

ADVICE = {
    "disk is full": "free some space, or set ZOO_HOME to another disk",
    "readonly": "make it writable, or set ZOO_HOME to a folder of yours",
    "unable to open database file": "does its folder exist, and may you write there? Set ZOO_HOME or ZOO_STORE to another",
    "locked": "another process holds it: wait for that to end",
    "not a database": "it is another file, or damaged: move it away, or set ZOO_STORE to another",
    "malformed": "the file is damaged: move it away and a new store is made, or take it from a backup",
    "no such table": "it is another program's database: set ZOO_STORE to another",
    "no module named": "pip install the database's driver, or set ZOO_STORE to another",
    "parse sqlalchemy url": "write ZOO_STORE as a URL: sqlite:////path/zoo.db",
    "can't load plugin": "write ZOO_STORE as a URL of a database that SQLAlchemy knows: sqlite:////path/zoo.db",
}
"""What an error of the database says, and what to do about it."""


def store_url() -> str:
    """The database's SQLAlchemy URL: `ZOO_STORE`, else SQLite at `ZOO_HOME/zoo.db`."""
    return os.environ.get("ZOO_STORE") or f"sqlite:///{zoo_home() / 'zoo.db'}"


class Store:
    """Records of finished runs. Opening it makes sure that it can be written, before a run spends an hour.

    Without `writing` it is only read, which neither needs nor makes anything: where there is no store, there are no records.
    """

    def __init__(self, url: str | None = None, *, writing: bool = True) -> None:
        url = url or store_url()
        self.url = _without_password(url)
        self._writing = writing
        self._engine: Engine | None = None
        try:
            if not url.startswith("sqlite:///"):
                self._engine = _connect(url)
            elif writing:
                zoo_home().mkdir(parents=True, exist_ok=True)
                self._engine = _connect(url)
            elif (file := make_url(url).database) and Path(file).exists():
                self._engine = _reading(file)
        except OSError as error:
            raise StoreError(f"cannot write below {zoo_home()}: {error.strerror}", "set ZOO_HOME to a folder of yours") from error
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"cannot open the store {self.url}: {_reason(error)}", _advice(error)) from error

    def add(self, record: RunRecord) -> None:
        """Append a record. Raises StoreError; the run's shards stay, so that running again costs nothing."""
        if self._engine is None or not self._writing:
            raise StoreError(f"the store {self.url} is only read here", "open it by zoo.Store()")
        row = {
            "run_id": record.run_id,
            "key": record.key,
            "created": record.created,
            "model": record.model.name,
            "benchmark": record.benchmark,
            "record": record.model_dump_json(),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(_RECORDS.insert().values(row))
        except SQLAlchemyError as error:
            hint = f"{_advice(error)}; the predictions are kept: run it again and only the record is written"
            raise StoreError(f"cannot write the record to {self.url}: {_reason(error)}", hint) from error

    def records(self, *, model: str | None = None, benchmark: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Records, newest first, of a model (with or without tag) or a benchmark by full name."""
        query = select(_RECORDS.c.record).order_by(_RECORDS.c.created.desc(), _RECORDS.c.run_id.desc()).limit(limit)
        if model is not None:
            query = query.where((_RECORDS.c.model == model) | _RECORDS.c.model.startswith(f"{model}@", autoescape=True))
        if benchmark is not None:
            query = query.where(_RECORDS.c.benchmark == benchmark)
        return [_parsed(text) for (text,) in self._rows(query)]

    def record(self, run_id: str) -> RunRecord:
        """The record of a run id, or of a prefix of one. Raises UnknownNameError or AmbiguousNameError."""
        query = select(_RECORDS.c.run_id, _RECORDS.c.record).where(_RECORDS.c.run_id.startswith(run_id, autoescape=True)).limit(5)
        rows = self._rows(query)
        if not rows:
            raise UnknownNameError(f"there is no run {run_id!r}", "zoo results shows them all")
        exact = [row for row in rows if row[0] == run_id] or rows
        if len(exact) > 1:
            names = [row[0] for row in exact]
            raise AmbiguousNameError(f"run {run_id!r} is ambiguous", f"name one of: {', '.join(names)}", names)
        return _parsed(exact[0][1])

    def _rows(self, query: Any) -> list[Any]:
        if self._engine is None:
            return []
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query))
        except SQLAlchemyError as error:
            if not self._writing and "no such table" in str(error):  # an empty file is a store that nothing was put into
                return []
            raise StoreError(f"cannot read the store {self.url}: {_reason(error)}", _advice(error)) from error


def _connect(url: str) -> Engine:
    # A SQLite file is closed after each use, so that it is never held open during a run of hours.
    engine = create_engine(url, poolclass=NullPool) if url.startswith("sqlite:///") else create_engine(url)
    if engine.dialect.name != "sqlite":
        _METADATA.create_all(engine)
        return engine

    @event.listens_for(engine, "connect")
    def patient(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("PRAGMA synchronous = FULL")

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # of several first runs at once, one makes the table
        _METADATA.create_all(connection)
        connection.exec_driver_sql(_IMMUTABLE)
        connection.commit()
        # A write that is rolled back: a read-only file or a full disk must be met before the run, not after it.
        connection.execute(_RECORDS.insert().values(run_id="probe", key="", created="", model="", benchmark="", record=""))
        connection.rollback()
    return engine


def _reading(file: str) -> Engine:
    """A SQLite file that is read only: in a folder where nothing can be written, too."""
    quoted = quote(str(Path(file).absolute()))
    return create_engine(f"sqlite:///file:{quoted}?mode=ro&uri=true", poolclass=NullPool)


def _advice(error: Exception) -> str:
    """What to do about an error of the database, by what it says."""
    said = str(getattr(error, "orig", None) or error).lower()
    for sign, advice in ADVICE.items():
        if sign in said:
            return advice
    return "check ZOO_HOME and ZOO_STORE"


def _without_password(url: str) -> str:
    """The URL as messages may show it."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "of ZOO_STORE"


def _parsed(text: str) -> RunRecord:
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"a record in the store is not readable by this version: {error.errors()[0]['msg']}", "pip install -U deepzoo"
        ) from error


def _reason(error: Exception) -> str:
    return reason_of(getattr(error, "orig", None) or error)
