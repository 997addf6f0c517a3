"""The database of the store: its tables, how it is opened, and what to do about what it says is wrong."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, Text, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from zoo.errors import reason_of
from zoo.home import variable, zoo_home
from zoo.wording import without_secrets

METADATA = MetaData()
RECORDS = Table(
    "records",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("key", String(64), nullable=False, index=True),
    Column("created", String(32), nullable=False, index=True),
    Column("model", String(512), nullable=False, index=True),
    Column("benchmark", String(512), nullable=False, index=True),
    Column("record", Text, nullable=False),
)
ROWS = Table(
    "run_rows",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("format", Integer, nullable=False),
    Column("row", Text, nullable=False),
)
LABELS = Table(
    "run_labels",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("name", String(64), unique=True),
    Column("note", Text, nullable=False),
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
    return variable("ZOO_STORE") or f"sqlite:///{zoo_home() / 'zoo.db'}"


def connect(url: str) -> Engine:
    # A SQLite file is closed after each use, so that it is never held open during a run of hours.
    engine = create_engine(url, poolclass=NullPool) if url.startswith("sqlite:///") else create_engine(url)
    if engine.dialect.name != "sqlite":
        METADATA.create_all(engine)
        return engine

    @event.listens_for(engine, "connect")
    def patient(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("PRAGMA synchronous = FULL")

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # of several first runs at once, one makes the table
        METADATA.create_all(connection)
        connection.exec_driver_sql(_IMMUTABLE)
        connection.commit()
        # A write that is rolled back: a read-only file or a full disk must be met before the run, not after it.
        connection.execute(RECORDS.insert().values(run_id="probe", key="", created="", model="", benchmark="", record=""))
        connection.rollback()
    return engine


def reading(file: str) -> Engine:
    """A SQLite file that is read only: in a folder where nothing can be written, too."""
    quoted = quote(str(Path(file).absolute()))
    return create_engine(f"sqlite:///file:{quoted}?mode=ro&uri=true", poolclass=NullPool)


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
        return without_secrets(make_url(url).render_as_string(hide_password=True))
    except SQLAlchemyError:
        return "of ZOO_STORE"


def reason(error: Exception, url: str) -> str:
    """What an error of the database at that URL says, without the URL: one that cannot be read may hold a password anywhere."""
    return reason_of(getattr(error, "orig", None) or error).replace(url, without_password(url))
