"""The columns of `zoo results`: what can be shown of a run in one line."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zoo.errors import OptionError, did_you_mean
from zoo.units import time_in_words
from zoo_cli.render import interval, number, pairs, styled

if TYPE_CHECKING:
    from zoo.browsing import Results, RunRow

PIPED = ("run", "created", "model", "benchmark", "value", "interval", "passed", "metric", "settings", "name", "note")
"""Whole values, one run a line."""


def usual_columns(found: "Results") -> list[str]:
    """What a terminal shows of these runs: a column in which none of them has anything is left out."""
    always = ("run", "age", "model", "benchmark", "value", "interval")
    rest = {"passed": lambda row: row.passed is not None, "metric": bool, "settings": lambda row: row.settings}
    labels = {"name": lambda row: row.name, "note": lambda row: row.note}
    return [*always, *(name for name, has in {**rest, **labels}.items() if any(map(has, found)))]


def checked_columns(names: Sequence[str], found: "Results") -> list[str]:
    """Columns as they were asked for. Raises OptionError for one that nobody knows, with the nearest."""
    known = [*FIELDS, *_of_runs(found)]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, f"there are: {', '.join(known)}")
            raise OptionError(f"`columns`: no run has {name!r}", hint)
    return list(names)


def cells_of(columns: Sequence[str], found: "Results") -> tuple[list[str], list[list[str]]]:
    """Header and rows of a list."""
    header = ["95 % INTERVAL" if name == "interval" else name.upper() if name in FIELDS else name for name in columns]
    return header, [[_cell(name, row) for name in columns] for row in found]


def _of_runs(found: Iterable["RunRow"]) -> list[str]:
    """Metrics and settings that one of these runs has."""
    return list(dict.fromkeys(name for row in found for name in (*row.scores, *row.settings)))


def _cell(name: str, row: "RunRow") -> str:
    if name in FIELDS:
        return FIELDS[name](row)
    if name in row.scores:
        bounds = row.scores[name][:3]
        return f"{number(*bounds)} {interval(*bounds)}".rstrip()
    value = row.settings.get(name)
    return "-" if value is None else pairs({"": value})[1:]


def _run(row: "RunRow") -> str:
    return row.run_id[:8] if sys.stdout.isatty() else row.run_id


def _age(row: "RunRow") -> str:
    """How long ago it was, in the largest unit: `5 min`."""
    return time_in_words((datetime.now(UTC) - datetime.fromisoformat(row.created)).total_seconds())


def _passed(row: "RunRow") -> str:
    return {True: styled("yes", fg="green"), False: styled("no", fg="red"), None: "-"}[row.passed]


def _plain(value: float | int | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


FIELDS: dict[str, Callable[["RunRow"], str]] = {
    "run": _run,
    "name": lambda row: styled(row.name, fg="cyan") if row.name else "",
    "age": _age,
    "created": lambda row: row.created,
    "model": lambda row: styled(row.model, bold=True),
    "benchmark": lambda row: row.benchmark,
    "dataset": lambda row: row.dataset,
    "split": lambda row: row.split,
    "task": lambda row: row.task,
    "metric": lambda row: row.metric,
    "value": lambda row: number(row.value, row.ci_low, row.ci_high),
    "interval": lambda row: interval(row.value, row.ci_low, row.ci_high),
    "n": lambda row: f"{row.n:,}",
    "samples": lambda row: f"{row.samples:,}",
    "limit": lambda row: _plain(row.limit, 0),
    "passed": _passed,
    "settings": lambda row: pairs(row.settings),
    "seconds": lambda row: _plain(row.seconds, 1),
    "samples_per_second": lambda row: _plain(row.samples_per_second, 0),
    "peak_memory_mib": lambda row: _plain(row.peak_memory_mib, 0),
    "device": lambda row: row.device,
    "precision": lambda row: row.precision,
    "seed": lambda row: str(row.seed),
    "deepzoo": lambda row: row.deepzoo,
    "key": lambda row: row.key,
    "note": lambda row: row.note,
}
"""Fields of a run, each as a text."""
