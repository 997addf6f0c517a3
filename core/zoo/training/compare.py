"""Trainings side by side: what each technique cost in memory and time, what was to be expected of it, and what it did."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from zoo.specs import Frozen, RecipeSpec
from zoo.training.cost import TrainingCost
from zoo.training.found import named_trainings
from zoo.training.record import TrainingRecord
from zoo.training.trace import StepCurve

TOLD_ELSEWHERE = ("name", "summary", "requires", "techniques", "schedule")
"""Fields of a recipe that are no difference by themselves: techniques have a place of their own."""


class ScoreDifference(Frozen):
    """A score less the first training's. Where there are no bounds, `method` says why, and nothing follows from the value."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


class ComparedTraining(Frozen):
    """One training of a comparison; the first is what others are compared with."""

    name: str = Field(description="Its techniques: optimizer, schedule, and what else there is.")
    key: str = Field(default="", description="Empty where nothing was trained to the end.")
    recipe: str
    device: str
    cost: TrainingCost | None
    steps: StepCurve | None = None
    metric: str = ""
    score: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    interval: str = ""
    difference: ScoreDifference | None = Field(default=None, description="None of the first, and where nothing was scored.")
    differs: tuple[str, ...] = Field(default=(), description="In what it differs from the first, beside its techniques.")
    remarks: tuple[str, ...] = ()


class TrainingComparison(Frozen):
    """Trainings in the order in which they were named."""

    trainings: tuple[ComparedTraining, ...]


def compare_trainings(*names: str) -> TrainingComparison:
    """Put trainings side by side; no model is built or run.

    A training is named by its key, which may be cut short, by the path of its weights or record, or by its recipe, whose last
    trainings are then meant. The first is what the others are compared with.

    A difference of scores has a 95 % interval by those of both scores (MOVER: Newcombe 1998, method 10; Zou & Donner 2008), which
    knows only the validation samples: another seed is another training. It is wider than need be where both were validated on the
    same samples.

    Raises UnknownNameError for a training that there is not, OptionError for the name of something else or an older record.
    """
    return compared(named_trainings(*names))


def compared(records: Sequence[TrainingRecord]) -> TrainingComparison:
    """The same of records."""
    first = records[0]
    return TrainingComparison(trainings=tuple(_row(record, first) for record in records))


def techniques_of(recipe: RecipeSpec) -> str:
    """`adamw, cosine, bf16`: what a recipe has by name."""
    named = (recipe.optimizer.name, recipe.schedule, *recipe.techniques)
    return ", ".join(name.removeprefix("training/") for name in named)


def _row(record: TrainingRecord, first: TrainingRecord) -> ComparedTraining:
    taken = record.model_dump(include={"score", "ci_low", "ci_high", "interval", "device", "key", "remarks"})
    several = f", {record.processes} processes" if record.processes > 1 else ""
    added = record.parallel.removeprefix("training/")  # which a recipe need not name
    name = techniques_of(record.recipe)
    return ComparedTraining(
        **taken,
        name=name + (f", {added}" if added and added not in name else "") + several,
        recipe=record.recipe.name,
        cost=record.cost,
        steps=record.steps,
        metric=record.recipe.metric,
        difference=None if record is first else difference(record, first),
        differs=() if record is first else tuple(differences(facts(record), facts(first))),
    )


def difference(record: TrainingRecord, first: TrainingRecord) -> ScoreDifference:
    """How far a training's score is from another's."""
    samples, metric = _validated_on(record), record.recipe.metric
    if metric != first.recipe.metric or samples[:2] != _validated_on(first)[:2]:
        return ScoreDifference(value=None, method="none: another metric, or other data")
    value = record.score - first.score
    bounds = record.ci_low, record.ci_high, first.ci_low, first.ci_high
    low, high, first_low, first_high = bounds
    if low is None or high is None or first_low is None or first_high is None:
        return ScoreDifference(value=value, method="none: a score of the two has no interval")
    below = math.hypot(record.score - low, first_high - first.score)
    above = math.hypot(high - record.score, first.score - first_low)
    alike = "the same" if samples == _validated_on(first) else "other"
    return ScoreDifference(value=value, low=value - below, high=value + above, method=f"MOVER, {alike} validation samples")


def _validated_on(record: TrainingRecord) -> tuple[Any, ...]:
    data, recipe = record.dataset, record.recipe
    return data.fingerprint, data.split, recipe.seed, recipe.validation, recipe.hold_out, recipe.share


def facts(record: TrainingRecord) -> dict[str, Any]:
    """What a training is beside its techniques, by name."""
    return {
        **recipe_facts(record.recipe),
        "content of the data": record.dataset.fingerprint[:12],
        "samples": record.dataset.trained_on,
        "steps": record.cost.steps if record.cost and record.resumed_from is None else None,
        "device": record.device,
        "processes": record.processes,
        "threads": record.threads,
        "platform": record.environment.platform,
        "torch": record.environment.packages.get("torch"),
        "deepzoo": record.environment.deepzoo,
    }


def recipe_facts(recipe: RecipeSpec) -> dict[str, Any]:
    """A recipe's fields, parts of fields as `optimizer.lr`, but for its techniques."""
    flat = dict(_flat(recipe.model_dump(mode="json", exclude=set(TOLD_ELSEWHERE))))
    del flat["optimizer.name"]
    return {"recipe": recipe.name, **flat}


def _flat(fields: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def differences(own: Mapping[str, Any], first: Mapping[str, Any]) -> list[str]:
    """`epochs 3, not 10`, of each fact that is another."""
    names = [name for name in dict.fromkeys([*own, *first]) if own.get(name) != first.get(name)]
    return [f"{name} {own.get(name)}, not {first.get(name)}" for name in names]
