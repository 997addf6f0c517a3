"""Pictures of trainings: loss and learning rate by the step, and memory by kind, several trainings in one."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from zoo.charts import Chart, Curve, key_to, line_chart, stacked_bars
from zoo.home import writing
from zoo.training.compare import TrainingComparison
from zoo.training.cost import TrainingCost
from zoo.training.trace import StepCurve

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 760, 260
UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("bytes", 1))


def save_pictures(comparison: TrainingComparison, folder: Path) -> list[Path]:
    """Write `steps.png` and `memory.png`, each where any training has what it shows; returns their paths."""
    names = _names(comparison)
    curves = {name: one.steps for name, one in zip(names, comparison.trainings, strict=True) if one.steps is not None}
    costs = {name: one.cost for name, one in zip(names, comparison.trainings, strict=True) if one.cost is not None}
    pictures = {"steps.png": draw_steps(curves)} if curves else {}
    pictures |= {"memory.png": draw_memory(costs).image()} if costs else {}
    for name, picture in pictures.items():
        with writing(folder / name) as temporary:
            picture.save(temporary, format="PNG")
    return [folder / name for name in pictures]


def draw_steps(curves: Mapping[str, StepCurve]) -> "Image":
    """Two panels over the steps, the loss and the learning rate, and which line is which."""
    grid = max(curve.every for curve in curves.values())
    short = [letter(place) for place in range(len(curves))]
    losses = [Curve(on_grid(curve.losses, curve.every, grid)) for curve in curves.values()]
    rates = [Curve(on_grid(curve.rates, curve.every, grid)) for curve in curves.values()]
    panels = [
        line_chart(
            dict(zip(short if len(short) > 1 else [label], lines, strict=True)),
            title,
            "step",
            first=grid,
            every=grid,
            from_zero=label == "rate",
            size=(WIDTH, HEIGHT),
        )
        for title, label, lines in (
            (f"loss, mean of {grid} steps" if grid > 1 else "loss of a step's batch", "loss", losses),
            ("learning rate", "rate", rates),
        )
    ]
    return _below([*panels, key_to(list(curves), width=WIDTH)])


def draw_memory(costs: Mapping[str, TrainingCost]) -> Chart:
    """A bar for each training: bytes of parameters, gradients, optimizer and activations, each when it is largest."""
    bars = {name: memory(cost) for name, cost in costs.items()}
    unit, factor = next(each for each in UNITS if each[1] <= max(1, *(sum(bar.values()) for bar in bars.values())))
    shown = {name: {kind: count / factor for kind, count in bar.items()} for name, bar in bars.items()}
    return stacked_bars(shown, "memory of a process by kind, each at its peak", unit, width=WIDTH)


def memory(cost: TrainingCost) -> dict[str, int]:
    """Bytes by kind, of those that were counted."""
    activations = cost.activation_bytes if cost.activation_peak_bytes is None else cost.activation_peak_bytes
    kinds = {"parameters": cost.parameter_bytes, "gradients": cost.gradient_bytes, "optimizer": cost.optimizer_bytes}
    return kinds if activations is None else {**kinds, "activations": activations}


def _names(comparison: TrainingComparison) -> list[str]:
    """A letter and the techniques of each: two may have the same."""
    several = len(comparison.trainings) > 1
    return [f"{letter(place)}  {one.name}" if several else one.name for place, one in enumerate(comparison.trainings)]


def letter(place: int) -> str:
    """A, B, …, Z, A1, …: what a training is called in tables and pictures."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place % 26] + (str(place // 26) if place >= 26 else "")


def on_grid(values: Sequence[float], every: int, grid: int) -> list[float]:
    """Points that stand for `every` steps each, as means of those that end within the same `grid` steps, which are no fewer."""
    places = [math.ceil(every * number / grid) - 1 for number in range(1, len(values) + 1)]
    return [fmean(value for value, at in zip(values, places, strict=True) if at == place) for place in dict.fromkeys(places)]


def _below(charts: Sequence[Chart]) -> "Image":
    from PIL import Image

    picture = Image.new("RGB", (WIDTH, sum(chart.height for chart in charts)), "white")
    top = 0
    for chart in charts:
        picture.paste(chart.image(), (0, top))
        top += chart.height
    return picture
