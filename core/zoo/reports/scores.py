"""What the records of runs say, as sections: scores with bars of their intervals, details, what to know, and how it was run."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from zoo.errors import ZooError
from zoo.plugins.registry import Registry
from zoo.reports.blocks import Cell, Section, Table, interval, number, visible
from zoo.runs.record import Result, RunRecord

BAR, HIGH = 170, 16
"""Width and height of a bar, in pixels."""
FEW = 10
"""Intervals of fewer samples come with a caution, except Wilson's, which hold."""


def score_section(entries: Registry, records: Sequence[RunRecord], names: Sequence[str]) -> Section:
    """Every metric of every run, with a bar; and details, each a table."""
    section = Section("Scores")
    rows: list[Sequence[Cell]] = []
    several = len(records) > 1
    for metric in dict.fromkeys(result.metric for record in records for result in record.results):
        found = [(name, of) for name, record in zip(names, records, strict=True) for of in record.results if of.metric == metric]
        ends = _ends(entries, [result for _, result in found])
        for name, result in found:
            if result.value is None and result.detail is not None:
                continue
            bounds = (result.value, result.ci_low, result.ci_high)
            bar = _bar(*bounds, ends, f"{name}: {metric}")
            unit = f" ({result.unit})" if result.unit else ""
            where = interval(*bounds) or result.interval
            cells: list[Cell] = [metric + unit, number(*bounds), where, bar, f"{result.n:,}", _ways(result)]
            rows.append([cells[0], name, *cells[1:]] if several else cells)
    header = ("metric", *(("run",) if several else ()), "score", "95 % interval", "", "n", "better")
    section.blocks.append(Table("Scores of the record; a bar spans its interval", header, rows))
    for name, record in zip(names, records, strict=True):
        for result in record.results:
            if (table := _detail(result, f"{name}: " if several else "")) is not None:
                section.blocks.append(table)
    return section


def knowledge_section(records: Sequence[RunRecord], names: Sequence[str]) -> Section | None:
    """What a reader of the scores must know beside them; None where there is nothing."""
    told = [
        f"{f'{name}: ' if len(records) > 1 else ''}{fact}"
        for name, one in zip(names, records, strict=True)
        for fact in _facts(one)
    ]
    return Section("To know", list(dict.fromkeys(told))) if told else None


def origin_section(records: Sequence[RunRecord], names: Sequence[str]) -> Section:
    """How each run came about: a column a run."""
    columns = [dict(_origin(record)) for record in records]
    rows = [
        (what, *(column.get(what, "") for column in columns)) for what in dict.fromkeys(key for one in columns for key in one)
    ]
    kept = [row for row in rows if any(row[1:])]
    return Section("How it was run", [Table("What determined the scores", ("", *names), kept)])


def _ways(result: Result) -> str:
    return "" if result.direction == "none" else result.direction


def _ends(entries: Registry, results: Sequence[Result]) -> tuple[float, float] | None:
    """The ends of the axis that bars of a metric share: somewhat further than all intervals, within what values there can be."""
    ends = (end for one in results for end in (one.value, one.ci_low, one.ci_high))
    bounds = [end for end in ends if end is not None and math.isfinite(end)]
    if not bounds or not any(one.ci_low is not None for one in results):
        return None
    try:
        least, most = entries.metric(results[0].metric).range
    except ZooError:
        least, most = None, None
    more = 0.35 * (max(bounds) - min(bounds)) or 0.05 * abs(max(bounds)) or 1.0
    low, high = min(bounds) - more, max(bounds) + more
    return max(low, low if least is None else least), min(high, high if most is None else most)


def _bar(value: float | None, low: float | None, high: float | None, ends: tuple[float, float] | None, what: str) -> Markup:
    """The interval as a bar with its value, on an axis whose ends are written beside it; nothing where there is none."""
    if value is None or low is None or high is None or ends is None or not math.isfinite(high - low):
        return Markup("")
    span = (ends[1] - ends[0]) or 1.0

    def x(of: float) -> str:
        return f"{5 + (BAR - 10) * (of - ends[0]) / span:.1f}"

    middle = HIGH // 2
    says = f"{visible(what)} {number(value, low, high)}, 95 % interval {interval(value, low, high)}"
    bar = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}" class="span"/>').format(x(low), x(high), middle, middle)
    left, right = (number(end, *ends) for end in ends)
    return Markup(
        '<span class="bar"><small>{}</small><svg viewBox="0 0 {} {}" width="{}" height="{}" role="img"><title>{}</title>'
        '<line x1="5" x2="{}" y1="{}" y2="{}" class="axis"/>{}<circle cx="{}" cy="{}" r="4"/></svg><small>{}</small></span>'
    ).format(left, BAR, HIGH, BAR, HIGH, says, BAR - 5, middle, middle, bar, x(value), middle, right)


def _detail(result: Result, whose: str) -> Table | None:
    """A score for each class, radius or stage, or a table that the metric made; None of anything else."""
    detail: Any = result.detail if isinstance(result.detail, dict) else {}
    if {"columns", "rows"} <= detail.keys():
        columns, rows = list(detail["columns"]), detail["rows"]
        if "ci_low" not in columns:
            return None
        low = columns.index("ci_low")
        cells = [
            [
                *map(str, row[: low - 1]),
                number(*row[low - 1 : low + 2]),
                interval(*row[low - 1 : low + 2]),
                *map(str, row[low + 2 :]),
            ]
            for row in rows
        ]
        return Table(whose + result.metric, (*columns[:low], "95 % interval", *columns[low + 2 :]), cells)
    named = next((key for key in ("classes", "radii", "stages") if key in detail), None)
    values = next((one for key, one in detail.items() if key not in (named, "ci_low", "ci_high")), None)
    if named is None or not isinstance(values, list) or "ci_low" not in detail:
        return None
    scores = zip(values, detail["ci_low"], detail["ci_high"], strict=True)
    rows = [(f"{name}", number(*score), interval(*score) or "–") for name, score in zip(detail[named], scores, strict=True)]
    what = {"classes": "class", "radii": "radius", "stages": "after"}[named]
    return Table(whose + result.metric, (what, "score", "95 % interval"), rows, numbers=True)


def _facts(record: RunRecord) -> Iterator[str]:
    """Marks, claims, doubts, and what was left out or altered."""
    values = {result.metric: result.value for result in record.results}
    for check in record.checks:
        said = {
            True: "passed" if check.kind == "pass_mark" else "reproduced",
            False: "failed" if check.kind == "pass_mark" else "not reproduced",
        }
        against = "needed" if check.kind == "pass_mark" else check.kind
        yield f"{said[check.passed]}: {check.metric} {number(values.get(check.metric))}, {against} {check.expected}"
    for note in dict.fromkeys(result.note for result in record.results if result.note):
        yield f"{', '.join(result.metric for result in record.results if result.note == note)}: {note}"
    data = record.dataset
    for model in (record.model, *record.aux.values()):
        yield from (f"{model.name}: {note}" for note in model.notes)
        if model.left_out:
            yield f"{model.left_out:,} outputs of {model.name} for classes that {data.name} has not are left out"
        if model.competing:
            yield f"{model.competing:,} outputs of {model.name} for classes that {data.name} has not compete: wrong answers"
        if model.unsafe:
            yield f"{model.name}: checks that were switched off: {', '.join(model.unsafe)}"
    yield from record.remarks
    if record.guard is not None and record.guard.note:
        yield f"predictions are not a sample's own: {record.guard.note}"
    if data.skipped:
        some = ", ".join(list(data.skipped)[:5])
        yield f"{len(data.skipped):,} corrupt samples were left out: {some}"
    if data.limit is not None:
        yield f"limited to {data.limit:,} samples, taken {data.sampled or 'from the first on'}: neither marks nor claims apply"
    if record.altered:
        yield f"altered in the benchmark: {', '.join(record.altered)}"
    if any(_is_rough(result) for result in record.results):
        yield f"intervals of fewer than {FEW} samples are rough"
    if record.doubt:
        yield f"its predictions are not used again: {record.doubt}"


def _is_rough(result: Result) -> bool:
    return result.n < FEW and result.ci_low is not None and not result.interval.startswith("Wilson")


def _origin(record: RunRecord) -> Iterator[tuple[str, str]]:
    model, data, how, where = record.model, record.dataset, record.execution, record.environment
    protocol = {key: value for key, value in record.protocol.items() if key not in ("version", "aux") and value is not None}
    yield "run", record.run_id
    yield "when", record.created
    yield "model", model.label
    yield "options", _pairs(model.options)
    yield "weights", f"SHA-256 {model.weights_sha256}" if model.weights_sha256 else "no weights file"
    yield from ((role, other.label) for role, other in record.aux.items())
    yield "benchmark", record.benchmark
    yield "task", f"{record.task}, version {record.protocol.get('version', '')}"
    yield "protocol", _pairs(protocol)
    yield "data", f"{data.name}, split {data.split}, {data.samples:,} samples"
    yield "fingerprint of the data", data.fingerprint
    yield "input", _pairs(model.preprocessing or {})
    yield "run as", f"{how.device}, {how.precision}, seed {how.seed}, batch size {how.batch_size or '–'}"
    yield (
        "took",
        f"{record.cost.seconds:.1f} s"
        + (f", {record.cost.samples_per_second:,.4g} samples/s" if record.cost.samples_per_second else ""),
    )
    yield "deepzoo", f"{where.deepzoo}, Python {where.python}, {where.platform}"
    yield from (("plugin", one.words) for one in record.providers)
    yield "packages", ", ".join(f"{name} {version}" for name, version in where.packages.items())
    yield "methods of intervals", "; ".join(f"{result.metric}: {result.interval}" for result in record.results if result.interval)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
