"""The table of a sweep: models by benchmarks, in each cell a primary score with its interval; then failures and the rest."""

import shutil
import sys
from typing import TYPE_CHECKING

from zoo_cli.render import counted, interval, number, print_table, say, say_wrapped, styled

if TYPE_CHECKING:
    from zoo.runs.record import RunRecord
    from zoo.sweeps import Failure, Sweep

LONG = ("model", "benchmark", "metric", "value", "95 % interval", "n", "run")


def print_sweep(done: "Sweep") -> None:
    """What several runs end with."""
    header, rows = _table(done)
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > shutil.get_terminal_size().columns:
        print_table(LONG, _long(done), right=(3, 5), indent="")
    else:
        print_table(header, [[styled(row[0], bold=True), *row[1:]] for row in rows], indent="")
    say()
    for failure in done.failures:
        where = f"{failure.cell.row} on {failure.cell.column}"
        hint = f"; {failure.hint}" if failure.hint else ""
        say_wrapped(f"{styled('failed', fg='red', bold=True)} {where}: {failure.message}{hint}")
    for record in done.records:
        if record.passed is False:
            mark = next(check for check in record.checks if check.kind == "pass_mark")
            say_wrapped(
                f"{styled('FAILED', fg='red', bold=True)} {record.model.label} on {record.benchmark}: needed {mark.expected}"
            )
    for (row, reason), columns in _left_out(done).items():
        say_wrapped(f"{styled('left out', fg='yellow')} {row} on {', '.join(columns)}: {reason}")
    found = sum(1 for record in done.records if not record.shards.computed)
    parts = [counted(len(done.records), "run"), *([f"{found:,} found done"] if found else [])]
    parts += [f"{len(done.failures):,} failed"] if done.failures else []
    parts += [f"{len(done.left_out):,} left out"] if done.left_out else []
    seconds = sum(record.cost.seconds for record in done.records)
    say_wrapped(styled(f"{', '.join(parts)}; {seconds:.1f} s. One in full: zoo results RUN", dim=True))


def _table(done: "Sweep") -> tuple[list[str], list[list[str]]]:
    """Header and rows: a column's header names its primary metric, where all its cells have one."""
    metrics: dict[str, list[str]] = {column: [] for column in done.columns}
    for cell, found in done.results:
        if _is_record(found) and found.primary.metric not in metrics[cell.column]:  # type: ignore[union-attr]
            metrics[cell.column].append(found.primary.metric)  # type: ignore[union-attr]
    header = ["model", *(f"{column}: {metrics[column][0]}" if len(metrics[column]) == 1 else column for column in done.columns)]
    rows = [[row, *(_cell(done[row, column], len(metrics[column]) > 1) for column in done.columns)] for row in done.rows]
    return header, rows


def _cell(found: "RunRecord | Failure | None", with_metric: bool) -> str:
    if found is None:
        return "-"
    if not _is_record(found):
        return "failed"
    score = found.primary  # type: ignore[union-attr]
    bounds = (score.value, score.ci_low, score.ci_high)
    name = f"{score.metric} " if with_metric else ""
    return f"{name}{number(*bounds)} {interval(*bounds)}".rstrip()


def _long(done: "Sweep") -> list[tuple[str, ...]]:
    """A line a cell, where the table is wider than the terminal."""
    rows: list[tuple[str, ...]] = []
    for cell, found in done.results:
        if not _is_record(found):
            rows.append((cell.row, cell.column, "", "failed", "", "", ""))
            continue
        score = found.primary  # type: ignore[union-attr]
        bounds = (score.value, score.ci_low, score.ci_high)
        what = (cell.row, cell.column, score.metric, number(*bounds), interval(*bounds), f"{score.n:,}")
        rows.append((*what, found.run_id[:8]))  # type: ignore[union-attr]
    return rows


def _left_out(done: "Sweep") -> dict[tuple[str, str], list[str]]:
    """Benchmarks by model and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in done.left_out:
        found.setdefault((one.row, one.reason), []).append(one.column)
    return found


def _is_record(found: object) -> bool:
    return hasattr(found, "primary")
