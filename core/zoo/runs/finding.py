"""Finding: which runs fit what is asked of their figures, by columns and rows of results; no record is read for it.

A run is asked what a list shows of it. Runs whose metric lies between two numbers are looked for by the database's index.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from pydantic_core import from_json
from sqlalchemy import select

from zoo.runs.rows import COLUMNS, FORMAT, restored
from zoo.runs.schema import LABELS, RESULTS, ROWS

PARTS = ("low", "high", "n")
"""Behind a metric's name and a dot: the ends of its interval and its samples."""
FIELDS = tuple(name for name in COLUMNS if name not in ("settings", "scores", "name", "note"))
_NOTHING: dict[str, Any] = {}


class Asked(Protocol):
    """What is asked of a run."""

    @property
    def names(self) -> Collection[str]:
        """All figures that it hangs on: metrics (with or without options, perhaps `.low`), settings, fields of the row."""
        ...

    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Figures that must be a number between two others, both included."""
        ...

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether a run fits, by `scores`, `settings`, and the fields of its row that are in `names`."""
        ...


class Finding:
    """A look at all runs that a store has. `read` reads what a query finds; `lacking` are the rows, as the store keeps them, that
    it has not.

    What different runs have are few different settings, and few different sets of metrics: each is read once.
    """

    def __init__(self, read: Callable[[Any], list[Any]], lacking: Sequence[Mapping[str, Any]]) -> None:
        self.read, self.lacking = read, lacking
        kinds = {tuple(kind) for kind in read(select(ROWS.c.settings, ROWS.c.metrics).where(ROWS.c.format == FORMAT).distinct())}
        kinds |= {(row["settings"], row["metrics"]) for row in lacking}
        self.settings = {settings: from_json(settings) for settings, _ in kinds}
        self.metrics = [from_json(metrics) for metrics in {metrics for _, metrics in kinds}]

    @property
    def figures(self) -> set[str]:
        """Names of the metrics and settings that a run has."""
        return {name for names in (*self.metrics, *self.settings.values()) for name in names}

    def fitting(self, asked: Asked, within: Any | None) -> list[str]:
        """The ids of the runs that fit, newest first. `within` is a query of the ids of those that are asked; None: all."""
        chosen = [*([] if within is None else [within]), *self._narrowing(asked)]
        fields = [name for name in asked.names if name in FIELDS]
        query = select(ROWS.c.created, ROWS.c.run_id, ROWS.c.settings, *(ROWS.c[name] for name in fields))
        rows = self.read(query.where(ROWS.c.format == FORMAT, *(ROWS.c.run_id.in_(ids) for ids in chosen)))
        rows += [tuple(row[name] for name in ("created", "run_id", "settings", *fields)) for row in self.lacking]
        scores, labels, found = self._scores(asked, chosen), self._labels(asked), []
        for created, run_id, settings, *values in rows:
            told = restored(zip(fields, values, strict=True))
            told.update(scores=scores.get(run_id, _NOTHING), settings=self.settings[settings], **labels.get(run_id, _NOTHING))
            if asked(told):
                found.append((created, run_id))
        return [run_id for _, run_id in sorted(found, reverse=True)]

    def _matching(self, name: str) -> set[str]:
        """Metrics that a name means in some run: that of the very name, or where the run has none, all with whatever options."""
        return {
            metric
            for metrics in self.metrics
            for metric in ([name] if name in metrics else [one for one in metrics if one.partition(":")[0] == name])
        }

    def _narrowing(self, asked: Asked) -> list[Any]:
        """Queries of runs among which all are that fit: by bounds of what is a metric, and neither a setting nor a field."""
        others = {*COLUMNS, *(name for settings in self.settings.values() for name in settings)}
        return [
            select(RESULTS.c.run_id).where(RESULTS.c.metric.in_(sorted(matching)), RESULTS.c.value.between(*bounds))
            for name, bounds in asked.bounds.items()
            if name not in others and name.rpartition(".")[2] not in PARTS and (matching := self._matching(name))
        ]

    def _scores(self, asked: Asked, chosen: Sequence[Any]) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Scores of the metrics that are asked for, by run and metric."""
        names = [*asked.names, *(name.rpartition(".")[0] for name in asked.names if name.rpartition(".")[2] in PARTS)]
        metrics = {metric for name in names for metric in self._matching(name)}
        found: dict[str, dict[str, tuple[Any, ...]]] = {}
        if metrics:
            columns = (RESULTS.c[name] for name in ("run_id", "metric", "value", "low", "high", "n"))
            query = select(*columns).where(RESULTS.c.metric.in_(sorted(metrics)), RESULTS.c.value.is_not(None))
            for run_id, metric, *score in self.read(query.where(*(RESULTS.c.run_id.in_(ids) for ids in chosen))):
                found.setdefault(run_id, {})[metric] = score
        return found

    def _labels(self, asked: Asked) -> dict[str, dict[str, str]]:
        """Names and notes by run, where one is asked for; of the others they are empty, which is the same as absent."""
        if not {"name", "note"}.intersection(asked.names):
            return {}
        rows = self.read(select(LABELS.c.run_id, LABELS.c.name, LABELS.c.note))
        return {run_id: {"name": name or "", "note": note or ""} for run_id, name, note in rows}
