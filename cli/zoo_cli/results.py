"""`zoo results`: past runs as a list, one in full, their names and notes, and where their predictions lie."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError
from zoo_cli.completing import names_of
from zoo_cli.flags import refuse_given
from zoo_cli.groups import Command, CommandWithMore
from zoo_cli.render import counted, note, print_json, print_list, say, write
from zoo_cli.types import AtLeast

if TYPE_CHECKING:
    from zoo.browsing import Results
    from zoo.runs.record import RunRecord

PAGE = 20
"""Runs that are shown on a terminal, unless it is said how many."""
LONGEST_QUERY = 2000
"""Characters of a line for DuckDB that is shown."""
FILTERS = ("model", "benchmark", "task", "dataset", "since", "until", "where")
MORE = {
    "export": ("zoo_cli.results:export", "The list as CSV or Parquet, with all scores."),
    "name": ("zoo_cli.results:name", "Give a run a name, by which it can be called."),
    "note": ("zoo_cli.results:annotate", "Put a note on a run."),
    "shards": ("zoo_cli.results:shards", "Where the predictions of a run lie, and how to read them."),
}


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which runs are chosen."""
    for option in (
        click.option("--where", metavar="CONDITION", multiple=True, help="Only runs whose figures fit: 'accuracy > 0.9'."),
        click.option("--until", metavar="DATE|AGE", help="Only runs up to this day or time."),
        click.option("--since", metavar="DATE|AGE", help="Only runs since this day or time, or so new: 7d, 12h."),
        click.option("--dataset", metavar="NAME", shell_complete=names_of("dataset"), help="Only runs on this dataset."),
        click.option("--task", metavar="TASK", help="Only runs of this task."),
        click.option(
            "--benchmark",
            metavar="NAME",
            shell_complete=names_of("benchmark", "dataset"),
            help="Only runs on this benchmark, or dataset that is one by itself.",
        ),
        click.option(
            "--model",
            metavar="NAME",
            shell_complete=names_of("model"),
            help="Only runs of this model, with a tag or of all its weights.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    cls=CommandWithMore,
    lazy=MORE,
    examples=(
        "zoo results",
        "zoo results --benchmark hw2 --limit 5",
        "zoo results 3f2a9c1b",
        "zoo results --where 'accuracy > 0.9 and seconds < 60'",
        "zoo results --columns run,model,accuracy,nll,settings",
        "zoo results export --task classify -o runs.csv",
        "zoo results name 3f2a9c1b baseline",
    ),
)
@click.argument("run_id", metavar="[RUN]", required=False)
@filters
@click.option("--columns", metavar="NAME,...", help="What to show of each run: fields, settings, metrics.")
@click.option("--limit", type=AtLeast(1), metavar="N", help=f"Only so many. Default: {PAGE} on a terminal, else all.")
@click.option("--offset", type=AtLeast(0), default=0, metavar="N", help="Leave out the newest N.")
@click.option("--json", "as_json", is_flag=True, help="Print whole records as JSON.")
def results(run_id: str | None, columns: str | None, limit: int | None, offset: int, as_json: bool, **chosen: Any) -> None:
    """List past runs with their primary score and what tells them apart, newest first; or show RUN in full.

    RUN is an id, which may be cut short, or a name that you gave it. Settings are shown where they are not as by default. A
    weights file of your own is told from others by how its SHA-256 begins. In a pipe: one run a line, tab-separated.

    --where compares figures: = != < <= > >=, ~ for a part of a text; and, or, not and brackets join them. A figure is a metric
    (accuracy, f1:positive=spam, accuracy.low for its interval's end), a setting (steps, eps = 8/255, limit = none) or a field
    (model, seconds, samples, created, ...).
    """
    if run_id is not None:
        refuse_given("one run has no filters", (*FILTERS, "columns", "limit", "offset"))
        _show(run_id, as_json)
        return
    from zoo.browsing.found import results as find
    from zoo.runs.store import Store
    from zoo_cli.run_columns import PIPED, cells_of, checked_columns, usual_columns

    wanted = _split(columns)
    if limit is None and sys.stdout.isatty() and not as_json:
        limit = PAGE
    found = find(limit=limit, offset=offset, **chosen)
    if as_json:
        records = Store(writing=False).records_of([row.run_id for row in found])
        print_json([record.model_dump(mode="json") for record in records])
        return
    shown = checked_columns(wanted, found) if wanted else usual_columns(found) if sys.stdout.isatty() else PIPED
    header, rows = cells_of(shown, found)
    print_list(header, rows, wrap=[name for name in reversed(header) if name not in ("RUN", "VALUE")])
    _print_rest(found, filtered=any(chosen.values()))


def _split(columns: str | None) -> list[str]:
    names = [name.strip() for name in (columns or "").split(",")]
    if columns is not None and not all(names):
        raise OptionError("`columns` has an empty name in it", "write them as run,model,value")
    return names if columns is not None else []


def _print_rest(found: "Results", filtered: bool) -> None:
    if not found.total:
        note("no runs match" if filtered else "no runs yet: zoo run intro/mlp --on digits")
    elif not len(found):
        note(f"there are {counted(found.total, 'run')}, none behind the first {found.offset:,}")
    elif found.more:
        note(f"{counted(found.more, 'more run')}, older: --offset {found.offset + len(found)}")


def _show(run: str, as_json: bool) -> None:
    from zoo.runs.store import Store
    from zoo_cli.report import print_record

    store = Store(writing=False)
    record = store.record(run)
    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        print_record(record, store.label(record.run_id), read_line(record))


@click.command(
    cls=Command,
    examples=("zoo results export -o runs.parquet", "zoo results export --where 'accuracy > 0.9' > runs.csv"),
)
@filters
@click.option("--limit", type=AtLeast(1), metavar="N", help="Only the newest N.")
@click.option("--offset", type=AtLeast(0), default=0, metavar="N", help="Leave out the newest N.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="A .csv or .parquet. Default: CSV, printed."
)
def export(output: Path | None, **chosen: Any) -> None:
    """Write past runs as a table: a row a run, with its settings and all its scores and their intervals.

    In Python the same is zoo.results(...).dataframe().
    """
    from zoo.browsing.found import results as find

    found = find(**chosen)
    if output is None:
        write(found.csv())
    else:
        found.write(output)
        note(f"{counted(len(found), 'run')} in {output}")


@click.command(cls=Command, examples=("zoo results name 3f2a9c1b baseline", "zoo results name baseline ''"))
@click.argument("run")
@click.argument("name")
def name(run: str, name: str) -> None:
    """Give RUN a NAME of its own, by which it can then be called wherever a run is named; an empty one takes it away.

    The record stays as it is: the name stands beside it.
    """
    from zoo.browsing import name_run
    from zoo.runs.store import Store

    run_id = Store(writing=False).run_id(run)
    label = name_run(run_id, name)
    note(f"run {run_id} is called {label.name}" if label.name else f"run {run_id} has no name")


@click.command(cls=Command, examples=("zoo results note baseline 'before the data were cleaned'", "zoo results note baseline ''"))
@click.argument("run")
@click.argument("text")
def annotate(run: str, text: str) -> None:
    """Put a note on RUN, one line of text; an empty one takes it away. The record stays as it is."""
    from zoo.browsing import note_run
    from zoo.runs.store import Store

    run_id = Store(writing=False).run_id(run)
    label = note_run(run_id, text)
    note(f"noted on run {run_id}" if label.note else f"run {run_id} has no note")


@click.command(cls=Command, examples=("zoo results shards 3f2a9c1b", "zoo results shards 3f2a9c1b --json"))
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print files and query as JSON.")
def shards(run: str, as_json: bool) -> None:
    """Print the Parquet files of the predictions of RUN, a path a line, and the line for duckdb that reads them."""
    from zoo.browsing import duckdb_query, shard_places
    from zoo.runs.store import Store

    record = Store(writing=False).record(run)
    files = shard_places(record)
    gone = [file for file, there in files.items() if not there]
    if as_json:
        listed = [{"path": file, "present": there} for file, there in files.items()]
        print_json({"run_id": record.run_id, "files": listed, "duckdb": duckdb_query(record)})
        return
    for file, there in files.items():
        if there:
            say(file)
    if gone:
        note(f"{len(gone):,} of {counted(len(files), 'file')} are no longer here; running it again computes them")
    if len(gone) < len(files):
        note(read_line(record))


def read_line(record: "RunRecord") -> str:
    """The command that reads a run's predictions with DuckDB."""
    from zoo.browsing import duckdb_query

    query = duckdb_query(record)
    if len(query) > LONGEST_QUERY:
        return f"zoo results shards {record.run_id[:8]} --json has the query"
    plain = not set(query) & set('"$`\\!')
    return f'duckdb -c "{query}"' if plain else f"duckdb -c {shlex.quote(query)}"
