"""The store: immutable records in one SQL database, SQLite below `ZOO_HOME` unless `ZOO_STORE` names another.

Beside each record it keeps its results, the record's row, which can be made again, and the user's own name and note of the run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, exists, func, select, true
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from zoo.errors import AmbiguousNameError, StoreError, UnknownNameError
from zoo.home import zoo_home
from zoo.runs import waiting
from zoo.runs.alike import entry_of, indexed
from zoo.runs.asking import Asked
from zoo.runs.database import advice, connect, is_file, is_server, reading, reason, store_url, without_password
from zoo.runs.finding import Finding
from zoo.runs.labels import Label, checked_name, checked_note
from zoo.runs.record import RunRecord
from zoo.runs.rows import COLUMNS, FORMAT, RunRow, restored, row_of
from zoo.runs.schema import CHUNK, LABELS, RECORDS, RESULTS, ROWS, insert

_NEWEST_FIRST = (RECORDS.c.created.desc(), RECORDS.c.run_id.desc())
_NEWEST = func.max(RECORDS.c.created + " " + RECORDS.c.run_id)
_CURRENT = (ROWS.c.run_id == RECORDS.c.run_id) & (ROWS.c.format == FORMAT)
_STORED = tuple(name for name in COLUMNS if name in ROWS.c)


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
            if writing and is_file(url):
                zoo_home().mkdir(parents=True, exist_ok=True)
            self._engine = connect(url) if writing else reading(url)
        except OSError as error:
            raise StoreError(f"cannot write below {zoo_home()}: {error.strerror}", "set ZOO_HOME to a folder of yours") from error
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"cannot open the store {self.url}: {reason(error, self._asked)}", advice(error)) from error
        if self._engine is not None and is_server(self._engine):
            waiting.deliver(self.url, self._put)

    @property
    def absent(self) -> bool:
        """Whether there is no store, of which nothing is read but that there are no records."""
        return self._engine is None

    def add(self, record: RunRecord) -> None:
        """Append a record. Where a server stays away, the record waits below `ZOO_HOME`, as a warning says, until the store is
        opened again.

        Raises StoreError; the run's shards stay, so that running again costs nothing.
        """
        if self._engine is None or not self._writing:
            raise StoreError(f"the store {self.url} is only read here", "open it by zoo.Store()")
        document = record.model_dump_json()
        put = waiting.patiently(self._put) if is_server(self._engine) else self._put
        try:
            put(document)
        except OperationalError as error:
            if not is_server(self._engine):
                raise self._unwritten(error) from error
            waiting.keep(self.url, record.run_id, document, reason(error, self._asked))
            return
        except SQLAlchemyError as error:
            raise self._unwritten(error) from error
        with suppress(Exception):  # the record is what counts; a row can be made again
            self._keep([_row(record).stored()])

    def _put(self, document: str) -> None:
        assert self._engine is not None
        with self._engine.begin() as connection:
            insert(connection, [entry_of(document)])

    def _unwritten(self, error: Exception) -> StoreError:
        hint = f"{advice(error)}; the predictions are kept: run it again and only the record is written"
        return StoreError(f"cannot write the record to {self.url}: {reason(error, self._asked)}", hint)

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
        asked: Asked | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[RunRow], int]:
        """The rows of records, newest first, from `offset` on, and how many there are in all.

        `since` and `until` bound `created`, the latter exclusively. No whole row is read but those that are given back, also of
        runs that are `asked` for more (see `Asked`).
        """
        filters = {"model": model, "benchmark": benchmark, "since": since, "until": until}
        if asked is None:
            query = _filtered(self._with_rows(), **filters).order_by(*_NEWEST_FIRST)
            total = self.count(**filters)
            found = self._whole(self._stream(query.limit(limit).offset(offset) if limit or offset else query))
            return [RunRow(**row) for row in found], total
        within = ROWS.c.run_id.in_(_filtered(select(RECORDS.c.run_id), **filters)) if any(filters.values()) else true()
        page, total = Finding(self._rows, self._lacking(**filters)).fitting(asked, within, limit, offset)
        parts = (page[start : start + CHUNK] for start in range(0, len(page), CHUNK))
        own = {row["run_id"]: row for part in parts for row in self._whole([self._rows(self._with_rows(part))])}
        return [RunRow(**own[run_id]) for run_id in page], total

    def figures(self) -> set[str]:
        """Names of the metrics and settings that a run has."""
        return Finding(self._rows, self._lacking()).figures

    def count(
        self, *, model: str | None = None, benchmark: str | None = None, since: str | None = None, until: str | None = None
    ) -> int:
        """How many records there are, by the same filters."""
        counted = self._rows(_filtered(select(func.count()).select_from(RECORDS), model, benchmark, since, until))
        return int(counted[0][0]) if counted else 0

    def newest(
        self, benchmark: str, *, model: str | None = None, metric: str | None = None, plain: bool = False
    ) -> list[tuple[RunRecord, int]]:
        """Of all runs on a benchmark that are alike the newest one, newest first, each with how many they are.

        Alike are those of one model with the same options, other models and precision, on the same samples under the same
        protocol. `metric` leaves out runs without a value of it, `plain` those that are not on all samples by the benchmark's own
        protocol. No other record is read.
        """
        query = _filtered(select(_NEWEST, func.count()), model, benchmark)
        if plain:
            query = query.where(RECORDS.c.plain.is_(True))
        if metric is not None:
            query = query.where(
                exists().where(
                    RESULTS.c.run_id == RECORDS.c.run_id, RESULTS.c.metric == indexed(metric), RESULTS.c.value.is_not(None)
                )
            )
        alike = query.group_by(RECORDS.c.model, RECORDS.c.plain, RECORDS.c.alike, RECORDS.c.variant)
        found = sorted(((str(last), int(count)) for last, count in self._rows(alike)), reverse=True)
        records = self.records_of([last.rpartition(" ")[2] for last, _ in found])
        return [(record, count) for record, (_, count) in zip(records, found, strict=True)]

    def computing(self, runs: Sequence[RunRecord]) -> dict[str, RunRecord]:
        """Of the predictions of some runs the newest run that computed all of them itself, where there is one, by their key."""
        ids = []
        for start in range(0, len(runs), CHUNK):
            keys = {run.key for run in runs[start : start + CHUNK]}
            query = select(_NEWEST).where(RECORDS.c.key.in_(sorted(keys)), RECORDS.c.fresh.is_(True)).group_by(RECORDS.c.key)
            ids += [str(last).rpartition(" ")[2] for (last,) in self._rows(query)]
        return {record.key: record for record in self.records_of(ids)}

    def record(self, run_id: str) -> RunRecord:
        """The record of a run id, of a prefix of one, or of a run's name. Raises UnknownNameError or AmbiguousNameError."""
        return _parsed(self._rows(select(RECORDS.c.record).where(RECORDS.c.run_id == self.run_id(run_id)))[0][0])

    def records_of(self, run_ids: Sequence[str]) -> Iterator[RunRecord]:
        """The records of whole run ids, in their order."""
        for start in range(0, len(run_ids), CHUNK):
            part = run_ids[start : start + CHUNK]
            texts = dict(self._rows(select(RECORDS.c.run_id, RECORDS.c.record).where(RECORDS.c.run_id.in_(part))))
            yield from (_parsed(texts[run_id]) for run_id in part)

    def run_id(self, run: str) -> str:
        """The whole id of a run id, of a prefix of one, or of a run's name. Raises UnknownNameError or AmbiguousNameError."""
        named = self._rows(select(LABELS.c.run_id).where(LABELS.c.name == run))
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

        def change(connection: Connection) -> None:
            taken = connection.execute(select(LABELS.c.run_id).where(LABELS.c.name == (label.name or None))).fetchone()
            if taken is not None and taken[0] != run_id:
                hint = f"take another name, or free it: zoo results name {taken[0][:8]} ''"
                raise AmbiguousNameError(f"run {taken[0]} is called {label.name!r} already", hint, [taken[0]])
            connection.execute(LABELS.delete().where(LABELS.c.run_id == run_id))
            if any(label):
                connection.execute(LABELS.insert().values(run_id=run_id, name=label.name or None, note=label.note))

        self._write(change)
        return label

    def keys(self) -> dict[str, str]:
        """The key of every run, and when the newest record of it was made (UTC, ISO 8601)."""
        found = dict(self._rows(select(RECORDS.c.key, func.max(RECORDS.c.created)).group_by(RECORDS.c.key)))
        return {**waiting.keys(self.url), **found}

    def newest_of(self, key: str) -> RunRecord | None:
        """The newest record of the runs of a key; None where there is none."""
        query = select(RECORDS.c.record).where(RECORDS.c.key == key).order_by(*_NEWEST_FIRST).limit(1)
        return next((_parsed(text) for (text,) in self._rows(query)), None)

    def has_key(self, key: str) -> bool:
        """Whether a run of this key has a record."""
        return key in waiting.keys(self.url) or bool(self._rows(select(RECORDS.c.run_id).where(RECORDS.c.key == key).limit(1)))

    def _with_rows(self, run_ids: Sequence[str] | None = None) -> Any:
        """Ids, all or these, with labels and rows where there are any."""
        source = RECORDS.outerjoin(LABELS, LABELS.c.run_id == RECORDS.c.run_id).outerjoin(ROWS, _CURRENT)
        query = select(RECORDS.c.run_id, LABELS.c.name, LABELS.c.note, ROWS.c.format, *(ROWS.c[name] for name in _STORED))
        query = query.select_from(source)
        return query if run_ids is None else query.where(RECORDS.c.run_id.in_(run_ids))

    def _whole(self, found: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Rows as mappings; those that are not kept yet are made, and kept in the end where the store can be written."""
        all_made: list[dict[str, Any]] = []
        for part in found:
            made = self._made([run_id for run_id, _, _, version, *_ in part if version is None])
            all_made += made.values()
            for run_id, name, note, version, *values in part:
                stored = (made[run_id][name] for name in _STORED) if version is None else values
                yield {**restored(zip(_STORED, stored, strict=True)), "name": name or "", "note": note or ""}
        self._keep(all_made)

    def _made(self, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Rows of records, made anew, as the store keeps them."""
        return {record.run_id: _row(record).stored() for record in self.records_of(run_ids)}

    def _lacking(self, **filters: str | None) -> Sequence[dict[str, Any]]:
        """The rows of all records that have none and none can be kept of, as the store would keep them; others are kept first."""
        query = _filtered(select(RECORDS.c.run_id), **filters).select_from(RECORDS.outerjoin(ROWS, _CURRENT))
        made = list(self._made([run_id for (run_id,) in self._rows(query.where(ROWS.c.run_id.is_(None)))]).values())
        return [] if self._keep(made) else made

    def _keep(self, rows: Sequence[dict[str, Any]]) -> bool:
        """Put rows beside their records, and say whether they are there; in a store that is only read they are not."""
        if not rows:
            return True
        with suppress(StoreError, SQLAlchemyError):
            engine = self._engine if self._writing else Store(self._asked)._engine
            assert engine is not None
            with engine.begin() as connection:
                for start in range(0, len(rows), CHUNK):
                    part = rows[start : start + CHUNK]
                    connection.execute(ROWS.delete().where(ROWS.c.run_id.in_([row["run_id"] for row in part])))
                    connection.execute(ROWS.insert(), part)
            return True
        return False

    def _write(self, change: Callable[[Connection], None]) -> None:
        """Change the database, wholly or not at all. Raises StoreError."""
        assert self._engine is not None
        try:
            with self._engine.begin() as connection:
                change(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"cannot write to the store {self.url}: {reason(error, self._asked)}", advice(error)) from error

    def _rows(self, query: Any) -> list[Any]:
        return [row for part in self._stream(query) for row in part]

    def _stream(self, query: Any) -> Iterator[Sequence[Any]]:
        """What a query finds, some at a time, so that a long list is never held whole."""
        if self._engine is None:
            return
        try:
            with self._engine.connect() as connection:
                yield from connection.execution_options(yield_per=CHUNK).execute(query).partitions()
        except SQLAlchemyError as error:
            raise StoreError(f"cannot read the store {self.url}: {reason(error, self._asked)}", advice(error)) from error


def _filtered(
    query: Any, model: str | None = None, benchmark: str | None = None, since: str | None = None, until: str | None = None
) -> Any:
    if model is not None:
        model = indexed(model)
        # A range, which an index answers: A follows @.
        tagged = (RECORDS.c.model >= f"{model}@") & (RECORDS.c.model < f"{model}A")
        query = query.where((RECORDS.c.model == model) | tagged)
    if benchmark is not None:
        query = query.where(RECORDS.c.benchmark == indexed(benchmark))
    if since is not None:
        query = query.where(RECORDS.c.created >= since)
    if until is not None:
        query = query.where(RECORDS.c.created < until)
    return query


def _row(record: RunRecord) -> RunRow:
    from zoo.plugins.registry import registry

    return row_of(record, registry())


def _parsed(text: str) -> RunRecord:
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"a record in the store is not readable by this version: {error.errors()[0]['msg']}", "pip install -U deepzoo"
        ) from error
