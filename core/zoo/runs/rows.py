"""Rows: what a list shows of a record, small enough that a hundred thousand of them are read at once.

The store keeps one beside each record. It is made of the record alone, and can be made again.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from zoo.runs.record import RunRecord
from zoo.wording import pairs, scored

if TYPE_CHECKING:
    from zoo.plugins.registry import Registry

FORMAT = 2
"""Of the rows that a store keeps: those of another are made anew."""

Score = tuple[float | None, float | None, float | None, int]
"""Value, lower and upper end of the interval, number of samples."""


@dataclass(frozen=True, repr=False)
class RunRow:
    """A run in one line: what ran on what, its scores, and the settings that tell it from others.

    `settings` holds what is not as it is by default: options of the model, what was altered of the benchmark's protocol, the
    other models (a victim), precision, seed, a limit, outputs that were left out. `name` and `note` are the user's own.
    """

    run_id: str
    created: str
    """UTC, ISO 8601."""
    task: str
    model: str
    benchmark: str
    dataset: str
    split: str
    samples: int
    limit: int | None
    metric: str
    """The primary metric, whose figures are the next four."""
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    passed: bool | None
    settings: dict[str, Any]
    scores: dict[str, Score]
    """All metrics of the run that have a value, the primary one first."""
    seconds: float
    samples_per_second: float | None
    peak_memory_mib: float | None
    device: str
    precision: str
    seed: int
    deepzoo: str
    key: str
    """Of the predictions; runs that share them share it."""
    name: str = ""
    note: str = ""

    def __repr__(self) -> str:
        called = f" {self.name}" if self.name else ""
        settings = f"; {pairs(self.settings)}" if self.settings else ""
        score = f"{self.metric} {scored(self.value, self.ci_low, self.ci_high)}"
        return f"<RunRow {self.run_id[:8]}{called}: {self.model} on {self.benchmark}: {score}{settings}>"

    def stored(self) -> dict[str, Any]:
        """What the store keeps beside the record, by its columns: all but what the user may change."""
        told = {name: value for name, value in asdict(self).items() if name not in ("name", "note")}
        return {
            **told,
            **{name: json.dumps(told[name]) for name in AS_JSON},
            "metrics": json.dumps([*self.scores]),
            "format": FORMAT,
        }


COLUMNS = tuple(one.name for one in fields(RunRow))
"""Names of the fields, in order."""
AS_JSON = ("seed", "settings", "scores")
"""Fields that the store keeps as JSON."""


def restored(stored: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a row, or some of them, by what the store keeps of each."""
    return {name: from_json(value) if name in AS_JSON else value for name, value in stored}


def row_of(record: RunRecord, entries: "Registry") -> RunRow:
    """The row of a record. Defaults are those of the model as it is installed now."""
    score = record.primary
    return RunRow(
        run_id=record.run_id,
        created=record.created,
        task=record.task,
        model=record.model.label,
        benchmark=record.benchmark,
        dataset=record.dataset.name,
        split=record.dataset.split,
        samples=record.dataset.samples,
        limit=record.dataset.limit,
        metric=score.metric,
        value=score.value,
        ci_low=score.ci_low,
        ci_high=score.ci_high,
        n=score.n,
        passed=record.passed,
        settings=_settings(record, entries),
        scores={one.metric: (one.value, one.ci_low, one.ci_high, one.n) for one in record.results if one.value is not None},
        seconds=record.cost.seconds,
        samples_per_second=record.cost.samples_per_second,
        peak_memory_mib=record.cost.peak_memory_mib,
        device=record.execution.device,
        precision=record.execution.precision,
        seed=record.execution.seed,
        deepzoo=record.environment.deepzoo,
        key=record.key,
    )


def _settings(record: RunRecord, entries: "Registry") -> dict[str, Any]:
    """What tells a run from a plain one of the same model on the same benchmark."""
    model, data = record.model, record.dataset
    own = model.name.startswith("local/")  # a network of the user's own has no input by default
    found = {
        **changed_options(entries, record),
        **({"input": _input(model.preprocessing)} if own and model.preprocessing else {}),
        **{name: record.protocol[name] for name in record.altered if name in record.protocol},
        **{role: other.label for role, other in record.aux.items()},
        "precision": None if record.execution.precision == "fp32" else record.execution.precision,
        "seed": record.execution.seed or None,
        "outputs": "dataset" if record.protocol.get("outputs") == "dataset" else None,
        "limit": data.limit,
        "skipped": len(data.skipped) or None,
        "unsafe": ", ".join(model.unsafe) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _input(preprocessing: dict[str, Any]) -> str:
    """The preprocessing of a user's own network, as far as it says anything."""
    from zoo.specs import ImageInput

    plain = ImageInput().model_dump(mode="json")
    said = {name: value for name, value in preprocessing.items() if value != plain.get(name)}
    return ",".join(f"{name}={'x'.join(map(str, value)) if isinstance(value, list) else value}" for name, value in said.items())


def changed_options(entries: "Registry", run: RunRecord) -> dict[str, Any]:
    """The options of a run's model that are not as they are by default; of a model that there no longer is, all."""
    if not run.model.options:
        return {}
    if entries.index.plugin_of(run.model.name) is None:  # no name is looked up, which would look for the nearest ones
        return dict(run.model.options)
    from zoo.opening.models import checked_options

    try:
        spec, _ = entries.tagged_model(run.model.name)
        default = checked_options(spec, {})
    except Exception:  # its plugin is gone, or cannot be imported any more
        default = {}
    return {name: value for name, value in run.model.options.items() if name not in default or default[name] != value}
