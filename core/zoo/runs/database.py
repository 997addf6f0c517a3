"""The database of the store: how it is opened, and what to do about what it says is wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from zoo.errors import reason_of
from zoo.home import variable, zoo_home
from zoo.runs.schema import RECORDS, migrate, state
from zoo.wording import without_secrets

ADVICE = {
    "disk is full": "free some space, or set ZOO_HOME to another disk",
    "readonly": "make it writable, or set ZOO_HOME to a folder of yours",
    "unable to open database file": "does its folder exist, and may you write there? Set ZOO_HOME or ZOO_STORE to another",
    "locked": "another process holds it: wait for that to end",
    "not a database": "it is another file, or damaged: move it away, or set ZOO_STORE to another",
    "malformed": "the file is damaged: move it away and a new store is made, or take it from a backup",
    "no such table": "it is another program's database: set ZOO_STORE to another",
    "no module named 'psycopg'": "pip install 'deepzoo[postgres]'",
    "no pq wrapper": "pip install 'deepzoo[postgres]'",
    "no module named": "pip install the database's driver, or set ZOO_STORE to another",
    "cannot be read as a url": "write it as a URL: sqlite:////path/zoo.db, postgresql://user@host/database",
    "several @": "write the @ of a password as %40, or put the password into ~/.pgpass",
    "can't load plugin": "write ZOO_STORE as a URL of a database that SQLAlchemy knows: sqlite:////path/zoo.db",
    "authentication failed": "check user and password in ZOO_STORE, or put the password into ~/.pgpass",
    "no password supplied": "put the password into ZOO_STORE, or into ~/.pgpass",
    "permission denied": "ask who keeps the database for the rights to read and write its tables",
    "does not exist": "check user and database in ZOO_STORE; createdb makes a database",
    "connection": "is the server up, and are host and port in ZOO_STORE right?",
    "resolve host": "is the host in ZOO_STORE right, and the network up?",
}
"""What an error of the database says, and what to do about it."""

_PATIENCE = 10
"""Seconds in which a server must answer who wants to connect."""
_ONE_AT_A_TIME = 0x7A6F6F
"""The number of PostgreSQL's lock under which the tables are made or migrated."""


def store_url() -> str:
    """The database's SQLAlchemy URL: `ZOO_STORE`, else SQLite at `ZOO_HOME/zoo.db`."""
    return variable("ZOO_STORE") or f"sqlite:///{zoo_home() / 'zoo.db'}"


def is_file(url: str) -> bool:
    """Whether the database is a SQLite file, and no server's."""
    return url.startswith("sqlite:///")


def parsed(url: str) -> URL:
    """The URL in its parts. Raises ArgumentError, which shows nothing of it, as there may be a password anywhere."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise ArgumentError("its address cannot be read as a URL") from None
    if found.get_backend_name() != "sqlite" and "@" in f"{found.host}{found.database}":
        raise ArgumentError("its address has several @")
    return found


def place_of(url: str) -> str:
    """Which database a URL leads to, whoever logs in and by which driver."""
    found = parsed(url)
    return f"{_with_driver(found).get_backend_name()}://{found.host or ''}:{found.port or 5432}/{found.database}"


def connect(url: str) -> Engine:
    """A database that can be written, with the tables of this deepzoo: one process makes or migrates them where need be."""
    engine = _engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # of several first runs at once, one makes the tables
        elif engine.dialect.name == "postgresql" and state(connection) != "current":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        if state(connection) != "current":
            migrate(connection)
        connection.commit()
        # A write that is rolled back: a read-only file or a full disk must be met before the run, not after it.
        probe = {column.name: "probe" if column.name == "run_id" else column.type.python_type() for column in RECORDS.columns}
        connection.execute(RECORDS.insert().values(probe))
        connection.rollback()
    return engine


def reading(url: str) -> Engine | None:
    """A database that is only read; None where there is no store. One of an earlier deepzoo is migrated where it can be.

    A SQLite file is read where nothing can be written, too: one of an earlier deepzoo then in a copy in memory.
    """
    file = parsed(url).database if is_file(url) else None
    if is_file(url) and not (file and Path(file).exists()):
        return None
    engine = _read_only(file) if file else _engine(url)
    with engine.connect() as connection:
        found = state(connection)
    if found != "older":
        return engine if found == "current" else None
    try:
        return connect(url)
    except (SQLAlchemyError, OSError):
        if not file:
            raise
        return _copy_in_memory(file)


def is_server(engine: Engine) -> bool:
    """Whether the database is a server's, which may be away for a while."""
    return engine.dialect.name != "sqlite"


def _engine(url: str) -> Engine:
    """Nothing is connected yet. A connection is closed after each use, so that none is held open during a run of hours."""
    asked = _with_driver(parsed(url))
    if asked.get_backend_name() == "sqlite":
        engine = create_engine(asked, poolclass=NullPool) if is_file(url) else create_engine(asked)
        event.listens_for(engine, "connect")(_patient)
        return engine
    waiting = {"connect_timeout": _PATIENCE} if asked.drivername == "postgresql+psycopg" else {}
    return create_engine(asked, poolclass=NullPool, connect_args={} if "connect_timeout" in asked.query else waiting)


def _with_driver(url: URL) -> URL:
    """`postgresql://` and `postgres://` as they are written everywhere else mean psycopg 3."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def _patient(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA synchronous = FULL")


def _read_only(file: str) -> Engine:
    quoted = quote(str(Path(file).absolute()))
    return create_engine(f"sqlite:///file:{quoted}?mode=ro&uri=true", poolclass=NullPool)


def _copy_in_memory(file: str) -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.connect() as connection:
        quoted = quote(str(Path(file).absolute()))
        with closing(sqlite3.connect(f"file:{quoted}?mode=ro", uri=True)) as source:
            source.backup(connection.connection.driver_connection)  # type: ignore[arg-type]
        migrate(connection)
        connection.commit()
    return engine


def advice(error: Exception) -> str:
    """What to do about an error of the database, by what it says."""
    said = str(getattr(error, "orig", None) or error).lower()
    for sign, advice in ADVICE.items():
        if sign in said:
            return advice
    return "check ZOO_HOME and ZOO_STORE"


def without_password(url: str) -> str:
    """The URL as messages may show it."""
    try:
        return without_secrets(parsed(url).render_as_string(hide_password=True))
    except ArgumentError:
        return "at an address that is not shown"


def reason(error: Exception, url: str) -> str:
    """What an error of the database at that URL says, without the URL: one that cannot be read may hold a password anywhere."""
    return reason_of(getattr(error, "orig", None) or error).replace(url, without_password(url))
