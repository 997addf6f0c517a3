"""`zoo results`: the records of past runs."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from zoo import Store
from zoo.errors import OptionError, UnknownNameError
from zoo.plugins.composed import is_composed
from zoo.plugins.names import split_tag
from zoo_cli.groups import Command
from zoo_cli.render import interval, note, number, print_json, print_list, styled
from zoo_cli.types import AtLeast

if TYPE_CHECKING:
    from zoo.runs.record import RunRecord

HEADER = ("RUN", "AGE", "MODEL", "BENCHMARK", "VALUE", "95 % INTERVAL", "PASSED", "METRIC")


@click.command(
    cls=Command, examples=("zoo results", "zoo results --benchmark hw2 --limit 5", "zoo results 3f2a9c1b", "zoo results --json")
)
@click.argument("run_id", required=False)
@click.option("--model", metavar="NAME", help="Only runs of this model, with a tag or of all its weights.")
@click.option("--benchmark", metavar="NAME", help="Only runs on this benchmark.")
@click.option("--limit", type=AtLeast(1), metavar="N", help="Only the newest N.")
@click.option("--json", "as_json", is_flag=True, help="Print whole records as JSON.")
def results(run_id: str | None, model: str | None, benchmark: str | None, limit: int | None, as_json: bool) -> None:
    """List past runs with their primary score, newest first; or show the run of RUN_ID in full.

    A RUN_ID may be cut short. A weights file of your own is told from others by how its SHA-256 begins. In a pipe: one run
    a line, tab-separated.
    """
    if run_id is not None:
        if model or benchmark or limit:
            raise OptionError("one run has no filters", f"zoo results {run_id}")
        _show(Store(writing=False).record(run_id), as_json)
        return
    records = Store(writing=False).records(model=_full("model", model), benchmark=_full("benchmark", benchmark), limit=limit)
    if not records:
        _check_known("model", model)
        _check_known("benchmark", benchmark)
    if as_json:
        print_json([record.model_dump(mode="json") for record in records])
        return
    print_list(HEADER, [_row(record) for record in records], drop=("AGE",), cut=("METRIC", "BENCHMARK", "MODEL"), tail="MODEL")
    if not records:
        note("no runs match" if model or benchmark else "no runs yet: zoo run intro/mlp --on digits")


def _show(record: "RunRecord", as_json: bool) -> None:
    from zoo_cli.report import print_record

    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        print_record(record)


def _row(record: "RunRecord") -> tuple[str, ...]:
    """A line of the list: run ids and times are short on a terminal and whole in a pipe."""
    score = record.primary
    bounds = (score.value, score.ci_low, score.ci_high)
    passed = {True: styled("yes", fg="green"), False: styled("no", fg="red"), None: "-"}[record.passed]
    run, when = (record.run_id[:8], _age(record.created)) if sys.stdout.isatty() else (record.run_id, record.created)
    data = record.dataset
    limited = "" if data.limit is None else f" ({data.limit:,} sampled)" if data.sampled else f" (first {data.limit:,})"
    among = " (outputs=dataset)" if record.protocol.get("outputs") == "dataset" else ""
    name = styled(record.model.label, bold=True)
    return run, when, name, record.benchmark, number(*bounds), interval(*bounds), passed, score.metric + limited + among


def _age(created: str) -> str:
    """How long ago a time in UTC is, in its largest unit: `5 min`."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _full(kind: str, name: str | None) -> str | None:
    """The full name of a filter, with the tag that it has; as written where no entry has it, as for a model of one's own."""
    if name is None:
        return None
    try:
        return _known(kind, name)
    except UnknownNameError:
        return name


def _check_known(kind: str, name: str | None) -> None:
    """Raise UnknownNameError where neither an entry nor a past run has the name, since a typing error finds no runs either."""
    if name is not None and not Store(writing=False).records(**{kind: _full(kind, name)}, limit=1):
        _known(kind, name)


def _known(kind: str, name: str) -> str:
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
