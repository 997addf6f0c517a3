"""Trainings side by side, as tables: memory by kind beside what was expected, time, and scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from zoo.units import size_of
from zoo_cli.render import duration, interval, number, print_json, print_table, say, say_wrapped, styled

if TYPE_CHECKING:
    from zoo.training.compare import ComparedTraining, TrainingComparison

EQUAL, NONE = "=", "-"


def compare_named(names: Sequence[str], figures: str | None, as_json: bool) -> None:
    """What `zoo compare` does with names of trainings."""
    found = zoo.compare_trainings(*names)
    if figures:
        from zoo.training import save_pictures

        save_pictures(found, Path(figures))
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_trainings(found)


def print_trainings(found: "TrainingComparison") -> None:
    """All of a comparison: the first training is A."""
    from zoo.training.pictures import letter

    rows = [(letter(place), one) for place, one in enumerate(found.trainings)]
    keys = any(one.key for _, one in rows)
    names = [(mark, one.name, one.recipe, one.key[:12]) for mark, one in rows]
    print_table(("", "techniques", "recipe", "key")[: 4 if keys else 3], [row[: 4 if keys else 3] for row in names])
    say()
    _print_memory(rows)
    say()
    _print_time(rows)
    if any(one.score is not None for _, one in rows):
        say()
        _print_scores(rows)
    _print_formulas(rows)
    _print_remarks(rows)


def _print_memory(rows: "list[tuple[str, ComparedTraining]]") -> None:
    header = ("memory", "parameters", "gradients", "optimizer", "activations", "at their peak", "allocator")
    lines: list[tuple[str, ...]] = []
    for mark, one in rows:
        cost = one.cost
        if cost is None:
            lines.append((mark, *[NONE] * 6))
            continue
        measured = {
            "parameters": cost.parameter_bytes,
            "gradients": cost.gradient_bytes,
            "optimizer": cost.optimizer_bytes,
            "activations": cost.activation_bytes,
        }
        lines.append((mark, *map(_size, (*measured.values(), cost.activation_peak_bytes, cost.peak_bytes))))
        if cost.expected:
            lines.append(("  expected", *(_expected(one, kind, count) for kind, count in measured.items()), "", ""))
    shown = 7 if any(one.cost and one.cost.peak_bytes is not None for _, one in rows) else 6
    print_table(header[:shown], [line[:shown] for line in lines], right=range(1, 7))


def _expected(one: "ComparedTraining", kind: str, measured: int | None) -> str:
    found = one.cost.expected.get(kind) if one.cost else None
    if found is None or found.bytes is None:
        return NONE
    return EQUAL if found.bytes == measured else size_of(found.bytes)


def _print_time(rows: "list[tuple[str, ComparedTraining]]") -> None:
    header = ("time", "a step", "of A's", "samples/s", "GFLOP a step", "sent a step", "steps", "skipped", "device")
    first = rows[0][1].cost
    lines = []
    for mark, one in rows:
        cost = one.cost
        if cost is None:
            lines.append((mark, *[NONE] * 7, one.device))
            continue
        both = first is not None and first.step_seconds and cost.step_seconds
        lines.append(
            (
                mark,
                duration(cost.step_seconds) if cost.step_seconds else NONE,
                f"{cost.step_seconds / first.step_seconds:.2f}" if both else NONE,  # type: ignore[operator, union-attr]
                f"{cost.samples_per_second:,.0f}" if cost.samples_per_second else NONE,
                f"{cost.flops / 1e9:.3g}" if cost.flops is not None else NONE,
                _size(cost.communication_bytes),
                f"{cost.steps:,}",
                f"{cost.skipped:,}",
                one.device,
            )
        )
    print_table(header, lines, right=range(1, 8))


def _print_scores(rows: "list[tuple[str, ComparedTraining]]") -> None:
    header = ("score", "metric", "value", "95 % interval", "less A's", "95 % interval", "")
    lines = []
    for mark, one in rows:
        less, bounds, verdict = "", "", ""
        if one.difference is not None:
            less = number(one.difference.value)
            bounds = interval(one.difference.value, one.difference.low, one.difference.high)
            verdict = _verdict(one)
        own = interval(one.score, one.ci_low, one.ci_high) or one.interval
        lines.append((mark, one.metric, number(one.score), own, less, bounds, verdict))
    print_table(header, lines, right=(2, 3, 4, 5))


def _verdict(one: "ComparedTraining") -> str:
    found = one.difference
    if found is None:
        return ""
    if found.low is None:
        return found.method
    return "told apart by the samples" if found.is_told_apart else "not told apart"


def _print_formulas(rows: "list[tuple[str, ComparedTraining]]") -> None:
    told: dict[tuple[str, str], list[str]] = {}
    for mark, one in rows:
        for kind, found in (one.cost.expected if one.cost else {}).items():
            told.setdefault((kind, found.formula), []).append(mark)
    if told:
        say()
        say_wrapped(f"{styled('expected', bold=True)}: {EQUAL} as measured, to the byte; {NONE} no formula")
        order = list(dict.fromkeys(kind for kind, _ in told))
        lines = [(", ".join(marks), kind, formula) for (kind, formula), marks in told.items()]
        print_table(("", "memory", "formula"), sorted(lines, key=lambda line: order.index(line[1])))


def _print_remarks(rows: "list[tuple[str, ComparedTraining]]") -> None:
    lines = [(mark, f"differs from A: {'; '.join(one.differs)}") for mark, one in rows if one.differs]
    lines += [(mark, remark) for mark, one in rows for remark in one.remarks]
    if lines:
        say()
        print_table(("known", ""), lines)


def _size(count: int | None) -> str:
    return NONE if count is None else size_of(count)
