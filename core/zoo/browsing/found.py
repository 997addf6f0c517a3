"""Past runs, found: a page of a list, its filters, and how many there are in all."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from zoo.browsing.condition import read_condition, refuse_unknown
from zoo.errors import OptionError, UnknownNameError
from zoo.home import using, writing
from zoo.plugins.composed import is_composed
from zoo.plugins.names import split_tag
from zoo.rich_repr import lines, table, titled
from zoo.runs.asking import Comparison, Joined, comparisons
from zoo.runs.rows import COLUMNS, RunRow
from zoo.runs.store import Store
from zoo.units import age_of
from zoo.wording import counted, pairs, scored

if TYPE_CHECKING:
    import pyarrow

FORMATS = (".csv", ".parquet")
SHOWN, LISTED = 20, 100
"""Runs that are shown in a line each, and in a notebook."""


@dataclass(frozen=True)
class Results(Sequence[RunRow]):
    """Runs, newest first: `rows`, perhaps one page of them, from `offset` on, of `total` that fit."""

    rows: tuple[RunRow, ...]
    total: int
    offset: int = 0

    @overload
    def __getitem__(self, index: int) -> RunRow: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: int | slice) -> "RunRow | Results":
        if isinstance(index, slice):
            start, _, _ = index.indices(len(self.rows))
            return Results(self.rows[index], self.total, self.offset + start)
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RunRow]:
        return iter(self.rows)

    def __repr__(self) -> str:
        told = [f"<Results: {counted(len(self.rows), 'run')} of {self.total:,}>", *(f"  {row!r}" for row in self.rows[:SHOWN])]
        return "\n".join([*told, *(["  …"] if len(self.rows) > SHOWN else [])])

    def _repr_html_(self) -> str:
        header = ("run", "name", "created", "model", "benchmark", "metric", "score", "passed", "settings", "note")
        rows = [
            (
                row.run_id[:8],
                row.name,
                row.created[:16],
                row.model,
                row.benchmark,
                row.metric,
                scored(row.value, row.ci_low, row.ci_high),
                {True: "yes", False: "no", None: ""}[row.passed],
                pairs(row.settings),
                row.note,
            )
            for row in self.rows[:LISTED]
        ]
        left = self.total - len(rows)
        return titled(f"{counted(self.total, 'run')}", table(header, rows), lines([f"and {left:,} more" if left else ""]))

    @property
    def more(self) -> int:
        """How many older runs fit that are not on this page."""
        return max(0, self.total - self.offset - len(self.rows))

    def table(self) -> "pyarrow.Table":
        """A row a run: the fields of `RunRow`, settings as one text, and a column a metric with its ends (`accuracy.low`)."""
        import pyarrow as pa

        types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        columns = _columns(self.rows)
        return pa.table({name: pa.array(values, types[TYPES.get(name, float)]) for name, values in columns.items()})

    def dataframe(self) -> Any:
        """The same as a pandas DataFrame. Raises OptionError where pandas is not installed."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise OptionError("a DataFrame needs pandas, which is not installed", "pip install pandas") from error
        return self.table().to_pandas()

    def csv(self) -> str:
        """The same as CSV. A text that a spreadsheet would take for a formula has an apostrophe before it."""
        columns = _columns(self.rows)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([_harmless(name) for name in columns])
        writer.writerows([_harmless(value) for value in row] for row in zip(*columns.values(), strict=True))
        return out.getvalue()

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write them to a file, .csv or .parquet, whole or not at all. Raises OptionError, StoreError."""
        file = Path(path)
        if file.suffix.lower() not in FORMATS:
            raise OptionError(f"{file} ends in none of {', '.join(FORMATS)}", "say by its ending what it is to be: runs.csv")
        with writing(file) as temporary:
            if file.suffix.lower() == ".csv":
                temporary.write_text(self.csv(), encoding="utf-8", newline="")
            else:
                import pyarrow.parquet as pq

                pq.write_table(self.table(), temporary)
        return file


def results(
    *,
    model: str | None = None,
    benchmark: str | None = None,
    task: str | None = None,
    dataset: str | None = None,
    since: str | datetime | timedelta | None = None,
    until: str | datetime | timedelta | None = None,
    where: str | Sequence[str] = (),
    limit: int | None = None,
    offset: int = 0,
    home: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Results:
    """Past runs, newest first: those that pass every filter, from `offset` on, at most `limit`.

    `model` and `benchmark` (or a dataset, which is one by itself) are names in full or bare, a model's with a tag or of all its
    weights. `since` and `until` are a date (which `until` includes), a time, or an age ("7d"); a time without an offset is this
    machine's. `where` is one or several conditions, such as "accuracy > 0.9 and steps = 40" (see `zoo.browsing.condition`).
    `home` and `store` stand for `ZOO_HOME` and `ZOO_STORE` (see `zoo.home.using`).

    Raises UnknownNameError where neither an entry nor a past run has a name, or no run has the figure that a condition asks for;
    OptionError for what cannot be read.
    """
    if limit is not None and limit < 1:
        raise OptionError(f"`limit` must be at least 1, not {limit}")
    if offset < 0:
        raise OptionError(f"`offset` must be at least 0, not {offset}")
    conditions = [read_condition(text) for text in ([where] if isinstance(where, str) else where)]
    with using(home, store):
        names = {"model": full_name("model", model), "benchmark": full_name("benchmark", benchmark)}
        period = {"since": _moment("since", since), "until": _moment("until", until, end=True)}
        fields = {"task": task, "dataset": full_name("dataset", dataset)}
        parts = (*conditions, *(_is(name, value) for name, value in fields.items() if value is not None))
        kept = Store(writing=False)
        asked = Joined("and", parts) if parts else None
        rows, total = kept.rows(**names, **period, asked=asked, limit=limit, offset=offset)
        if not total:
            for kind, name in (("model", model), ("benchmark", benchmark), ("dataset", dataset)):
                _check_known(kept, kind, name)
            _check_task(kept, task)
        if conditions and kept.count():  # of no runs at all everything may be asked
            asked_for = [one.name for condition in conditions for one in comparisons(condition)]
            refuse_unknown(asked_for, {*kept.figures(), *FIELDS})
        return Results(tuple(rows), total, offset)


def _is(name: str, value: str | None) -> Comparison:
    """Asks for the very value of a field."""
    return Comparison(name, lambda found: bool(found == value))


FIELDS = tuple(name for name in COLUMNS if name not in ("scores", "settings"))
"""Fields of a row that a condition may ask for."""


def full_name(kind: str, name: str | None) -> str | None:
    """The full name of a filter, with the tag that it has; as written where no entry has it, as for a model of one's own."""
    if name is None:
        return None
    try:
        return _known_name(kind, name)
    except UnknownNameError:
        return name


def _check_known(store: Store, kind: str, name: str | None) -> None:
    """Raise UnknownNameError where neither an entry nor a past run has the name, since a typing error finds no runs either."""
    if name is None:
        return
    full = full_name(kind, name)
    if kind == "dataset":
        found = store.rows(asked=_is("dataset", full), limit=1)[1]
    else:
        found = len(store.records(limit=1, **{kind: full}))
    if not found:
        _known_name(kind, name)


def _check_task(store: Store, task: str | None) -> None:
    """Raise UnknownNameError where neither core nor plugins know the task, nor a past run, whose plugin may be gone."""
    if task is None:
        return
    from zoo.plugins.index import load_index
    from zoo.tasks.by_name import TASKS

    known = (*TASKS, *load_index().tasks)
    if task not in known and not store.rows(asked=_is("task", task), limit=1)[1]:
        from zoo.errors import did_you_mean

        raise UnknownNameError(f"there is no task named {task!r}", did_you_mean(task, known, f"there are: {', '.join(known)}"))


def _known_name(kind: str, name: str) -> str:
    """The full name of an entry; for a benchmark also a dataset's, which is one by itself. Raises UnknownNameError."""
    from zoo.plugins.index import load_index

    base, tag = split_tag(name)
    index = load_index()
    if kind == "model" and is_composed(base) and not index.dynamic_plugin(base):
        from zoo.plugins.registry import registry

        return f"{registry().model(base).name}@{tag}" if tag else registry().model(base).name
    try:
        full = index.find(kind, base)
    except UnknownNameError as error:
        if kind != "benchmark":
            raise
        try:
            full = index.find("dataset", base)
        except UnknownNameError:
            raise error from None
    return f"{full}@{tag}" if tag else full


def _moment(what: str, given: str | datetime | timedelta | None, *, end: bool = False) -> str | None:
    """A moment as records have it: UTC, ISO 8601, to the millisecond. A day alone lasts to its end."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given.strip())
        except ValueError:
            if given[:4].isdecimal() and "-" in given:
                raise OptionError(f"`{what}` {given!r} is no date", "write 2026-11-30, 2026-11-30T18:00, or an age: 7d") from None
            given = age_of(given, what)
        else:
            whole_day = end and len(given.strip()) <= len("2026-11-30")
            given = moment + timedelta(days=1) if whole_day else moment
    if isinstance(given, timedelta):
        given = datetime.now(UTC) - given
    return given.astimezone(UTC).isoformat(timespec="milliseconds")


TYPES = {
    **dict.fromkeys((*FIELDS, "settings"), str),
    **dict.fromkeys(("samples", "limit", "n", "seed"), int),
    **dict.fromkeys(("value", "ci_low", "ci_high", "seconds", "samples_per_second", "peak_memory_mib"), float),
    "passed": bool,
}
"""Of columns; those of metrics are numbers."""


def _columns(rows: Sequence[RunRow]) -> dict[str, list[Any]]:
    """Columns of a table of runs: the fields, and of each metric that one of them has the value and the ends of its interval."""
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in FIELDS}
    columns["settings"] = [pairs(row.settings) for row in rows]
    for metric in dict.fromkeys(name for row in rows for name in row.scores):
        name = f"score:{metric}" if metric in columns else metric
        for suffix, place in (("", 0), (".low", 1), (".high", 2)):
            columns[f"{name}{suffix}"] = [row.scores[metric][place] if metric in row.scores else None for row in rows]
    return columns


def _harmless(value: Any) -> Any:
    """A cell of CSV: empty for None; a text that begins like a formula has an apostrophe before it."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value
