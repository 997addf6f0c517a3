"""Finding: which runs fit what is asked of their figures. The database answers wherever it can, by columns and rows of results.

What different runs have are few different settings, and few different sets of metrics. So a figure is looked up once for each of
these kinds, and a comparison is made once for each of the few values that a setting or a field has.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import BigInteger, Boolean, Float, and_, case, false, func, null, or_, select, true, type_coerce
from sqlalchemy.sql.expression import ColumnElement

from zoo.runs.alike import indexed
from zoo.runs.asking import Asked, Comparison, Interval, Joined, comparisons, fits, metric_of
from zoo.runs.rows import AS_JSON, COLUMNS, FORMAT, restored
from zoo.runs.schema import LABELS, RESULTS, ROWS

Said = ColumnElement[bool]
FEW = 200
"""Different values that are compared one by one, and named in a query."""
_STORED = tuple(name for name in COLUMNS if name in ROWS.c)
FIELDS = tuple(name for name in _STORED if name not in ("settings", "scores"))
SCORE = ("value", "low", "high", "n")
_NOTHING: dict[str, Any] = {}
_UNNAMED = {"name": "", "note": ""}
_NEWEST_FIRST = (ROWS.c.created.desc(), ROWS.c.run_id.desc())


class Kind(NamedTuple):
    """The settings and the metrics that some runs have, as the store keeps them."""

    settings: str
    metrics: str


class Finding:
    """A look at all runs that a store has. `read` reads what a query finds; `lacking` are the rows, as the store keeps them, that
    it has not.
    """

    def __init__(self, read: Callable[[Any], list[Any]], lacking: Sequence[Mapping[str, Any]]) -> None:
        self.read, self.lacking = read, lacking
        kinds = read(select(ROWS.c.settings, ROWS.c.metrics).where(ROWS.c.format == FORMAT).distinct())
        self.kinds = {Kind(*kind) for kind in kinds} | {Kind(row["settings"], row["metrics"]) for row in lacking}
        self.settings = {kind.settings: from_json(kind.settings) for kind in self.kinds}
        self.metrics = {kind.metrics: from_json(kind.metrics) for kind in self.kinds}

    @property
    def figures(self) -> set[str]:
        """Names of the metrics and settings that a run has."""
        return {name for names in (*self.metrics.values(), *self.settings.values()) for name in names}

    def fitting(self, asked: Asked, within: Any, limit: int | None, offset: int) -> tuple[list[str], int]:
        """The ids of the runs that fit, newest first, from `offset` on, and how many there are in all.

        `within` is what else is asked of the rows of the store.
        """
        parts = asked.parts if isinstance(asked, Joined) and asked.word == "and" else (asked,)
        said = [(part, self._looked_up(part)) for part in parts]
        rest = tuple(part for part, sql in said if sql is None)
        where = and_(ROWS.c.format == FORMAT, within, *(sql for _, sql in said if sql is not None))
        if rest or self.lacking:
            found = self._tested(Joined("and", rest), where, asked)
            return found[offset:][:limit], len(found)
        query = select(ROWS.c.run_id, func.count().over()).where(where).order_by(*_NEWEST_FIRST)
        page = self.read(query.limit(limit).offset(offset or None))
        if page or not offset:
            return [run_id for run_id, _ in page], page[0][1] if page else 0
        return [], sum(count for (count,) in self.read(select(func.count()).select_from(ROWS).where(where)))

    def _looked_up(self, asked: Asked) -> Said | None:
        """The same as `_said` of what must be so, by an index where it is a matter of one metric."""
        sources = list(self._sources(asked)) if isinstance(asked, Comparison) else []
        if isinstance(asked, Comparison) and asked.interval and len(sources) == 1 and isinstance(sources[0], tuple):
            metric, place = sources[0]
            fitting = _within(asked.interval, RESULTS.c[SCORE[place]])
            return ROWS.c.run_id.in_(select(RESULTS.c.run_id).where(RESULTS.c.metric == indexed(metric), fitting))
        return self._said(asked)

    def _said(self, asked: Asked) -> Said | None:
        """What is asked, as the database is asked it; None where it cannot be."""
        if isinstance(asked, Comparison):
            return self._compared(asked)
        parts = [sql for part in asked.parts if (sql := self._said(part)) is not None]
        if len(parts) < len(asked.parts):
            return None
        return ~parts[0] if asked.word == "not" else and_(true(), *parts) if asked.word == "and" else or_(false(), *parts)

    def _compared(self, asked: Comparison) -> Said | None:
        """A comparison: of some kinds of runs it is known, of the others it is one of a column."""
        by_source = self._sources(asked)
        told = {source: sql for source in by_source if (sql := self._of_source(asked, source)) is not None}
        if len(told) < len(by_source):
            return None
        if len(told) < 2:
            return next(iter(told.values()), false())
        cases = [(self._is_one_of(kinds), told[source]) for source, kinds in by_source.items()]
        return None if any(condition is None for condition, _ in cases) else case(*cases, else_=_literal(None))  # type: ignore[arg-type]

    def _sources(self, asked: Comparison) -> dict[Any, list[Kind]]:
        """What a figure is, and in which kinds of runs: a part of a metric's score, a field; of a setting it is the answer."""
        found: dict[Any, list[Kind]] = defaultdict(list)
        for kind in self.kinds:
            metric = metric_of(self.metrics[kind.metrics], asked.name)
            settings = self.settings[kind.settings]
            found[metric or (asked.test(settings[asked.name]) if asked.name in settings else asked.name)].append(kind)
        return found

    def _is_one_of(self, kinds: Sequence[Kind]) -> Said | None:
        """Whether a run is of one of these kinds; None where there are too many to ask so."""
        settings, metrics = ({kind[place] for kind in kinds} for place in (0, 1))
        others = [kind for kind in self.kinds.difference(kinds) if kind.settings in settings and kind.metrics in metrics]
        if others or len(settings) > FEW or len(metrics) > FEW:
            return None
        return ROWS.c.settings.in_(settings) & ROWS.c.metrics.in_(metrics)

    def _of_source(self, asked: Comparison, source: Any) -> Said | None:
        """A comparison of one source of a figure."""
        if isinstance(source, tuple):
            metric, place = source
            score = select(RESULTS.c[SCORE[place]]).where(RESULTS.c.run_id == ROWS.c.run_id, RESULTS.c.metric == indexed(metric))
            return _between(asked, score.scalar_subquery())
        if not isinstance(source, str):
            return _literal(source)
        if source in ("name", "note"):
            label = select(LABELS.c[source]).where(LABELS.c.run_id == ROWS.c.run_id).scalar_subquery()
            return self._one_by_one(asked, func.coalesce(label, ""), select(func.coalesce(LABELS.c[source], "")), [""])
        if source not in FIELDS:
            return _literal(asked.test(None))
        column = ROWS.c[source]
        if isinstance(column.type, (BigInteger, Float)):
            return _between(asked, column)
        return self._one_by_one(asked, column, select(column).where(ROWS.c.format == FORMAT))

    def _one_by_one(self, asked: Comparison, column: Any, query: Any, more: Sequence[Any] = ()) -> Said | None:
        """A comparison of a column that has few different values."""
        values = {value for (value,) in self.read(query.distinct().limit(FEW + 1))} | {*more}
        if len(values) > FEW:
            return None
        answers = {value: asked.test(from_json(value) if asked.name in AS_JSON and value else value) for value in values}
        return _answered(
            {answer: _among(column, [value for value in values if answers[value] is answer]) for answer in answers.values()}
        )

    def _tested(self, rest: Asked, where: Said, asked: Asked) -> list[str]:
        """The ids, newest first, of the runs that the database finds and that fit what it could not be asked; of those that it
        lacks, of runs that fit all that is asked."""
        fields = [name for name in dict.fromkeys(one.name for one in comparisons(asked)) if name in FIELDS]
        columns = ("created", "run_id", "settings", *fields)
        rows = self.read(select(*(ROWS.c[name] for name in columns)).where(where))
        scores, labels, found = self._scores(rest, where), self._labels(), []
        for row in rows:
            created, run_id, settings, *values = row
            told = restored(zip(fields, values, strict=True))
            told.update(scores=scores.get(run_id, _NOTHING), settings=self.settings[settings], **labels.get(run_id, _UNNAMED))
            if fits(rest, told):
                found.append((created, run_id))
        for row in self.lacking:
            told = {**restored((name, row[name]) for name in _STORED), **labels.get(row["run_id"], _UNNAMED)}
            found += [(row["created"], row["run_id"])] if fits(asked, told) else []
        return [run_id for _, run_id in sorted(found, reverse=True)]

    def _scores(self, asked: Asked, where: Said) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Scores of the metrics that are asked for, by run and metric."""
        metrics = {
            metric
            for one in comparisons(asked)
            for metrics in self.metrics.values()
            for metric in metrics
            if metric.partition(":")[0] in {name.partition(":")[0] for name in (one.name, one.name.rpartition(".")[0])}
        }
        found: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
        columns = (RESULTS.c[name] for name in ("run_id", "metric", *SCORE))
        query = select(*columns).where(RESULTS.c.value.is_not(None), RESULTS.c.run_id.in_(select(ROWS.c.run_id).where(where)))
        names = {indexed(metric): metric for metric in metrics}
        for run_id, metric, *score in self.read(query.where(RESULTS.c.metric.in_(sorted(names)))) if names else ():
            found[run_id][names[metric]] = tuple(score)
        return found

    def _labels(self) -> dict[str, dict[str, str]]:
        """Names and notes by run."""
        rows = self.read(select(LABELS.c.run_id, LABELS.c.name, LABELS.c.note))
        return {run_id: {"name": name or "", "note": note or ""} for run_id, name, note in rows}


def _literal(answer: bool | None) -> Said:
    return {True: true(), False: false(), None: type_coerce(null(), Boolean)}[answer]


def _answered(where: Mapping[bool | None, Said]) -> Said:
    """The answer where it is given."""
    cases = [(condition, _literal(answer)) for answer, condition in where.items() if answer is not None]
    return case(*cases, else_=_literal(None)) if cases else _literal(None)


def _among(column: Any, values: Sequence[Any]) -> Said:
    there = [value for value in values if value is not None]
    return or_(column.in_(there), *([column.is_(None)] if len(there) < len(values) else []))


def _between(asked: Comparison, column: Any) -> Said | None:
    """A comparison of a column of numbers; None where it is neither a matter of an interval nor of there being one."""
    if (without := asked.test(None)) is not None:
        return case((column.is_(None), _literal(without)), else_=_literal(asked.test(0.0)))
    return None if asked.interval is None else _within(asked.interval, column)


def _within(interval: Interval, column: Any) -> Said:
    ends = [
        *([column >= interval.low] if interval.low > -math.inf else []),
        *([column <= interval.high] if interval.high < math.inf else []),
    ]
    return and_(*ends) if interval.inside else ~and_(*ends)
