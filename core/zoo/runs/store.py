"""The store: immutable records in one SQL database, SQLite below `ZOO_HOME` unless `ZOO_STORE` names another.

Beside each record it keeps the record's row, which can be made again, and the user's own name and note of the run.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy import Engine, Table, func, inspect, literal, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from zoo.errors import AmbiguousNameError, StoreError, UnknownNameError
from zoo.home import zoo_home
from zoo.runs.database import LABELS, RECORDS, ROWS, advice, connect, reading, reason, store_url, without_password
from zoo.runs.labels import Label, checked_name, checked_note
from zoo.runs.record import RunRecord
from zoo.runs.rows import FORMAT, RunRow, row_of

_CHUNK = 500
"""Records that are read at once."""


_NEWEST_FIRST = (RECORDS.c.created.desc(), RECORDS.c.run_id.desc())


class Store:
    """Records of finished runs. Opening it makes sure that it can be written, before a run spends an hour.

    Without `writing` it is only read, which neither needs nor makes anything: where there is no store, there are no records.
    """

    def __init__(self, url: str | None = None, *, writing: bool = True) -> None:
        self._asked = url = url or store_url()
        self.url = without_password(url)
        self._writing = writing
        self._engine: Engine | None = None
        try:
            if not url.startswith("sqlite:///"):
                self._engine = connect(url)
            elif writing:
                zoo_home().mkdir(parents=True, exist_ok=True)
                self._engine = connect(url)
            elif (file := make_url(url).database) and Path(file).exists():
                self._engine = reading(file)
        except OSError as error:
            raise StoreError(f"cannot write below {zoo_home()}: {error.strerror}", "set ZOO_HOME to a folder of yours") from error
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"cannot open the store {self.url}: {reason(error, self._asked)}", advice(error)) from error

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
                connection.execute(RECORDS.insert().values(row))
        except SQLAlchemyError as error:
            hint = f"{advice(error)}; the predictions are kept: run it again and only the record is written"
            raise StoreError(f"cannot write the record to {self.url}: {reason(error, self._asked)}", hint) from error
        with suppress(Exception):  # the record is what counts; a row can be made again
            self._keep([_kept(_row(record))])

    def records(self, *, model: str | None = None, benchmark: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Records, newest first, of a model (with or without tag) or a benchmark by full name."""
        query = _filtered(select(RECORDS.c.record), model, benchmark).order_by(*_NEWEST_FIRST).limit(limit)
        return [_parsed(text) for (text,) in self._rows(query)]

    def rows(
        self,
        *,
        model: str | None = None,
        benchmark: str | None = None,
        since: str | None = None,
        until: str | None = None,
        keep: Callable[[dict[str, Any]], bool] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[RunRow], int]:
        """The rows of records, newest first, from `offset` on, and how many there are in all.

        `since` and `until` bound `created`, the latter exclusively. `keep` is asked of every row as a mapping (see `RunRow`);
        without it no more is read than is given back.
        """
        query = _filtered(self._with_rows(), model, benchmark, since, until).order_by(*_NEWEST_FIRST)
        if keep is not None:
            found: list[dict[str, Any]] = []
            total = 0
            for row in self._whole(self._stream(query)):
                if keep(row):
                    if total >= offset and (limit is None or len(found) < limit):
                        found.append(row)
                    total += 1
        else:
            counted = self._rows(_filtered(select(func.count()).select_from(RECORDS), model, benchmark, since, until))
            total = counted[0][0] if counted else 0
            found = list(self._whole(self._stream(query.limit(limit).offset(offset) if limit or offset else query)))
        return [RunRow(**row) for row in found], total

    def record(self, run_id: str) -> RunRecord:
        """The record of a run id, of a prefix of one, or of a run's name. Raises UnknownNameError or AmbiguousNameError."""
        return _parsed(self._rows(select(RECORDS.c.record).where(RECORDS.c.run_id == self.run_id(run_id)))[0][0])

    def records_of(self, run_ids: Sequence[str]) -> Iterator[RunRecord]:
        """The records of whole run ids, in their order."""
        for start in range(0, len(run_ids), _CHUNK):
            part = run_ids[start : start + _CHUNK]
            texts = dict(self._rows(select(RECORDS.c.run_id, RECORDS.c.record).where(RECORDS.c.run_id.in_(part))))
            yield from (_parsed(texts[run_id]) for run_id in part)

    def run_id(self, run: str) -> str:
        """The whole id of a run id, of a prefix of one, or of a run's name. Raises UnknownNameError or AmbiguousNameError."""
        named = self._rows(select(LABELS.c.run_id).where(LABELS.c.name == run)) if self._has(LABELS) else []
        if named:
            return str(named[0][0])
        query = select(RECORDS.c.run_id).where(RECORDS.c.run_id.startswith(run, autoescape=True)).limit(5)
        found = [str(row[0]) for row in self._rows(query)]
        if not found:
            raise UnknownNameError(f"there is no run {run!r}", "zoo results shows them all")
        exact = [one for one in found if one == run] or found
        if len(exact) > 1:
            raise AmbiguousNameError(f"run {run!r} is ambiguous", f"name one of: {', '.join(exact)}", exact)
        return exact[0]

    def label(self, run: str) -> Label:
        """The user's own name of a run, and the note."""
        found = self._rows(select(LABELS.c.name, LABELS.c.note).where(LABELS.c.run_id == self.run_id(run)))
        return Label(found[0][0] or "", found[0][1]) if found else Label()

    def set_label(self, run: str, *, name: str | None = None, note: str | None = None) -> Label:
        """Give a run a name, by which it can be called from then on, or a note; empty takes it away, None leaves it.

        Neither is part of the record. Raises OptionError for what cannot be a name or a note, AmbiguousNameError for a name that
        another run has.
        """
        if self._engine is None or not self._writing:
            raise StoreError(f"the store {self.url} is only read here", "open it by zoo.Store()")
        run_id, before = self.run_id(run), self.label(run)
        label = Label(before.name if name is None else checked_name(name), before.note if note is None else checked_note(note))
        try:
            with self._engine.begin() as connection:
                taken = connection.execute(select(LABELS.c.run_id).where(LABELS.c.name == (label.name or None))).fetchone()
                if taken is not None and taken[0] != run_id:
                    hint = f"take another name, or free it: zoo results name {taken[0][:8]} ''"
                    raise AmbiguousNameError(f"run {taken[0]} is called {label.name!r} already", hint, [taken[0]])
                connection.execute(LABELS.delete().where(LABELS.c.run_id == run_id))
                if any(label):
                    connection.execute(LABELS.insert().values(run_id=run_id, name=label.name or None, note=label.note))
        except SQLAlchemyError as error:
            raise StoreError(f"cannot write to the store {self.url}: {reason(error, self._asked)}", advice(error)) from error
        return label

    def keys(self) -> dict[str, str]:
        """The key of every run, and when the newest record of it was made (UTC, ISO 8601)."""
        return dict(self._rows(select(RECORDS.c.key, func.max(RECORDS.c.created)).group_by(RECORDS.c.key)))

    def newest_of(self, key: str) -> RunRecord | None:
        """The newest record of the runs of a key; None where there is none."""
        query = select(RECORDS.c.record).where(RECORDS.c.key == key).order_by(*_NEWEST_FIRST).limit(1)
        return next((_parsed(text) for (text,) in self._rows(query)), None)

    def has_key(self, key: str) -> bool:
        """Whether a run of this key has a record."""
        return bool(self._rows(select(RECORDS.c.run_id).where(RECORDS.c.key == key).limit(1)))

    def _has(self, table: Table) -> bool:
        """Whether there is a table; a store of an older version, which is only read, may lack it."""
        return self._engine is not None and (self._writing or inspect(self._engine).has_table(table.name))

    def _with_rows(self) -> Any:
        """Ids, with rows and labels where there are any."""
        source: Any = RECORDS
        columns: list[Any] = [RECORDS.c.run_id]
        for table, names in ((ROWS, ("format", "row")), (LABELS, ("name", "note"))):
            if self._has(table):
                source = source.outerjoin(table, table.c.run_id == RECORDS.c.run_id)
                columns += [table.c[name] for name in names]
            else:
                columns += [literal(None)] * len(names)
        return select(*columns).select_from(source)

    def _whole(self, found: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Rows as mappings; those that are not kept yet are made, and kept in the end where the store can be written."""
        all_made: list[dict[str, Any]] = []
        for part in found:
            lacking = [run_id for run_id, version, *_ in part if version != FORMAT]
            made = {record.run_id: _kept(_row(record)) for record in self.records_of(lacking)}
            all_made += made.values()
            for run_id, _, text, name, note in part:
                row = from_json(made[run_id]["row"] if run_id in made else text)
                yield {**row, "name": name or "", "note": note or ""}
        self._keep(all_made)

    def _keep(self, rows: Sequence[dict[str, Any]]) -> None:
        """Put rows beside their records; a store that is only read costs speed, not the list."""
        if not rows:
            return
        with suppress(StoreError, SQLAlchemyError):
            engine = self._engine if self._writing else Store(self._asked)._engine
            assert engine is not None
            with engine.begin() as connection:
                for start in range(0, len(rows), _CHUNK):
                    part = rows[start : start + _CHUNK]
                    connection.execute(ROWS.delete().where(ROWS.c.run_id.in_([row["run_id"] for row in part])))
                    connection.execute(ROWS.insert(), part)

    def _rows(self, query: Any) -> list[Any]:
        return [row for part in self._stream(query) for row in part]

    def _stream(self, query: Any) -> Iterator[Sequence[Any]]:
        """What a query finds, some at a time, so that a long list is never held whole."""
        if self._engine is None:
            return
        try:
            with self._engine.connect() as connection:
                yield from connection.execution_options(yield_per=_CHUNK).execute(query).partitions()
        except SQLAlchemyError as error:
            if not self._writing and "no such table" in str(error):  # an empty file is a store that nothing was put into
                return
            raise StoreError(f"cannot read the store {self.url}: {reason(error, self._asked)}", advice(error)) from error


def _filtered(query: Any, model: str | None, benchmark: str | None, since: str | None = None, until: str | None = None) -> Any:
    if model is not None:
        query = query.where((RECORDS.c.model == model) | RECORDS.c.model.startswith(f"{model}@", autoescape=True))
    if benchmark is not None:
        query = query.where(RECORDS.c.benchmark == benchmark)
    if since is not None:
        query = query.where(RECORDS.c.created >= since)
    if until is not None:
        query = query.where(RECORDS.c.created < until)
    return query


def _row(record: RunRecord) -> RunRow:
    from zoo.plugins.registry import registry

    return row_of(record, registry())


def _kept(row: RunRow) -> dict[str, Any]:
    return {"run_id": row.run_id, "format": FORMAT, "row": json.dumps(row.stored())}


def _parsed(text: str) -> RunRecord:
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"a record in the store is not readable by this version: {error.errors()[0]['msg']}", "pip install -U deepzoo"
        ) from error
