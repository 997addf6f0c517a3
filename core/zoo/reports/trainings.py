"""Trainings in a report: learning curves, loss and rate by the step, and memory by kind."""

from collections.abc import Mapping, Sequence

from zoo.charts import Curve, line_chart, stacked_bars
from zoo.reports.blocks import Block, Cell, Figure, Section, Table, interval, number
from zoo.reports.page import Page
from zoo.runs.record import RunRecord
from zoo.training.compare import compared
from zoo.training.found import training_of
from zoo.training.pictures import UNITS, letter, memory, on_grid
from zoo.training.record import TrainingRecord

SIZE = (470, 290)
KINDS = ("parameters", "gradients", "optimizer", "activations")


def learning_section(records: Sequence[RunRecord], names: Sequence[str]) -> Section | None:
    """How the weights of runs were trained, where they were trained here; None where none was."""
    found = {
        name: training
        for name, record in zip(names, records, strict=True)
        if record.model.weights_sha256 and (training := training_of(record.model.weights_sha256))
    }
    if not found:
        return None
    return Section("Training of the weights", [*_by_epoch(found), *_by_step(found)])


def training_page(records: Sequence[TrainingRecord]) -> Page:
    """A report of trainings alone."""
    rows = compared(records).trainings
    several = len(rows) > 1
    names = [f"{letter(place)} {one.name}" if several else one.name for place, one in enumerate(rows)]
    called = dict(zip(names, records, strict=True))
    scores: list[Sequence[Cell]] = []
    for name, record in called.items():
        bounds = (record.score, record.ci_low, record.ci_high)
        scores.append(
            (name, number(*bounds), interval(*bounds) or record.interval, f"{record.dataset.validated_on:,}", str(record.epoch))
        )
    header = ("training", "score", "95 % interval", "n", "epoch")
    told = [f"{name}: {fact}" for name, one in called.items() for fact in one.remarks]
    sections = [
        Section("Scores", [Table(f"{records[0].recipe.metric} on samples held out of training", header, scores)]),
        Section("Learning curves", [*_by_epoch(called), *_by_step(called)]),
        Section("Memory and time", _costs(called)),
        *([Section("To know", [*told])] if told else []),
    ]
    recipes = ", ".join(dict.fromkeys(record.recipe.name for record in records))
    return Page(
        title=f"training of {recipes}",
        heading=recipes,
        lead=f"training · {', '.join(dict.fromkeys(record.dataset.name for record in records))}",
        names=names,
        notes=[],
        sections=sections,
        samples=None,
        last=Section("How it was trained", [_origins(called)]),
    )


def _by_epoch(trainings: Mapping[str, TrainingRecord]) -> list[Block]:
    """Loss and score after every epoch, the score with its interval."""
    names = list(trainings)
    losses = {name: Curve([epoch.loss for epoch in one.history]) for name, one in trainings.items()}
    scores = {
        name: Curve(
            [epoch.score for epoch in one.history],
            [epoch.ci_low for epoch in one.history],
            [epoch.ci_high for epoch in one.history],
        )
        for name, one in trainings.items()
    }
    metric = next(iter(trainings.values())).recipe.metric
    first = min(one.history[0].epoch for one in trainings.values())
    drawn = ((losses, "training loss", "loss"), (scores, "validation score, with its 95 % interval", metric))
    return [
        Figure(line_chart(curves, title, "epoch", up, first=first, legend=False, size=SIZE), _told(title, curves), names)
        for curves, title, up in drawn
    ]


def _by_step(trainings: Mapping[str, TrainingRecord]) -> list[Block]:
    """Loss and learning rate over the steps."""
    steps = {name: one.steps for name, one in trainings.items() if one.steps is not None}
    if not steps:
        return ["The trainer does not tell loss and rate by the step."]
    grid = max(curve.every for curve in steps.values())
    losses = {name: Curve(on_grid(curve.losses, curve.every, grid)) for name, curve in steps.items()}
    rates = {name: Curve(on_grid(curve.rates, curve.every, grid)) for name, curve in steps.items()}
    drawn = (
        (losses, f"loss, mean of {grid} steps" if grid > 1 else "loss of a step's batch", "loss", False),
        (rates, "learning rate", "rate", True),
    )
    return [
        Figure(
            line_chart(curves, title, "step", up, first=grid, every=grid, from_zero=zero, legend=False, size=SIZE),
            _told(title, curves),
            list(steps),
        )
        for curves, title, up, zero in drawn
    ]


def _costs(trainings: Mapping[str, TrainingRecord]) -> list[Block]:
    """Bytes by kind as stacked bars, and what a step took."""
    costs = {name: one.cost for name, one in trainings.items() if one.cost is not None}
    if not costs:
        return ["The trainer does not tell what its steps took."]
    bars = {name: memory(cost) for name, cost in costs.items()}
    unit, factor = next(each for each in UNITS if each[1] <= max(1, *(sum(bar.values()) for bar in bars.values())))
    shown = {name: {kind: count / factor for kind, count in bar.items()} for name, bar in bars.items()}
    title = "memory of a process by kind, each at its peak"
    says = "; ".join(
        f"{name}: {', '.join(f'{kind} {size:.4g} {unit}' for kind, size in bar.items())}" for name, bar in shown.items()
    )
    rows = [
        (
            name,
            *(f"{shown[name][kind]:.4g} {unit}" if kind in shown[name] else "–" for kind in KINDS),
            "–" if cost.step_seconds is None else f"{1000 * cost.step_seconds:.4g} ms",
            "–" if cost.samples_per_second is None else f"{cost.samples_per_second:,.0f}",
            f"{cost.steps:,}",
            f"{cost.skipped:,}",
        )
        for name, cost in costs.items()
    ]
    header = ("training", *KINDS, "median step", "samples/s", "steps", "skipped")
    figure = Figure(stacked_bars(shown, title, unit, width=SIZE[0]), f"{title}: {says}")
    return [figure, Table("Memory by kind, and time", header, rows)]


def _told(title: str, curves: Mapping[str, Curve]) -> str:
    """Where each curve begins and ends."""
    ends = []
    for name, curve in curves.items():
        values = [value for value in curve.values if value is not None]
        if values:
            ends.append(f"{name} from {number(values[0])} to {number(values[-1])}")
    return f"{title}: {'; '.join(ends)}"


def _origins(trainings: Mapping[str, TrainingRecord]) -> Table:
    facts = {
        name: {
            "key": one.key,
            "when": one.created,
            "recipe": one.recipe.name,
            "model": one.recipe.model,
            "data": f"{one.dataset.name}, split {one.dataset.split}",
            "samples": f"{one.dataset.trained_on:,} trained on, {one.dataset.validated_on:,} held out",
            "overrides": ", ".join(f"{key}={value}" for key, value in one.overrides.items()),
            "weights": f"SHA-256 {one.weights_sha256}",
            "trained as": f"{one.device}, {one.threads} threads, {one.processes} processes",
            "took": f"{one.seconds:.1f} s",
            "plugins": "; ".join(provider.words for provider in one.providers if provider.distribution != "deepzoo"),
            "deepzoo": f"{one.environment.deepzoo}, Python {one.environment.python}, {one.environment.platform}",
        }
        for name, one in trainings.items()
    }
    rows = [(what, *(one[what] for one in facts.values())) for what in next(iter(facts.values()))]
    return Table("What determined the weights", ("", *facts), [row for row in rows if any(row[1:])])
