"""The learning-rate range test: one training with growing rates, and which rate its losses speak for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zoo
from zoo.charts import Chart, Curve, line_chart
from zoo.errors import ModelError, OptionError
from zoo.training import TrainingProgress
from zoo_training.lessons.course import diverged as has_diverged
from zoo_training.schedules import RangeTest

FEWEST = 8
"""Points of a curve in which a fall can be told from a rise."""
BEGUN, RISEN = 0.1, 0.1
"""Shares of the whole fall: after one the loss has begun to fall, after the other it rises again."""


@dataclass(frozen=True)
class Range:
    """Mean losses of a few steps each, at rates that grow by one factor, and what follows from them."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    diverged: bool
    falls: float
    """The first rate at which the loss has begun to fall: Smith's lower bound of a cycle."""
    fastest: float
    """Where it falls most from one rate to the next: the suggested largest rate of a schedule."""
    lowest: float
    """Where it is lowest, and beyond which it rises: Smith's upper bound."""

    def chart(self) -> Chart:
        """Loss against rate."""
        names = [f"{rate:.0e}" for rate in self.rates]
        return line_chart({"loss": Curve(self.losses)}, f"suggested rate {self.fastest:.2g}", "rate", "loss", places=names)


def range_test(
    recipe: str,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    epochs: int = 1,
    seed: int | None = None,
    share: float = 1.0,
    **how: Any,
) -> Range:
    """Train a recipe with rates from `low` to `high`; `how` are further arguments of `zoo.train`.

    The suggestion is where the loss falls most from one rate to the next, losses smoothed over three. Raises OptionError where
    there are too few steps, or the loss still falls at `high` or does not fall at all; nothing can then be suggested.
    Source: Smith 2017, arXiv:1506.01186, section 3.3; the steepest point is that of fastai's finder.
    """
    if not 0 < low < high:
        raise OptionError(f"rates cannot grow from {low:g} to {high:g}", "let `low` be above 0 and below `high`")
    heard: list[TrainingProgress] = []
    settings = {**how.pop("overrides", {}), "share": share, "optimizer.lr": high, "metric": how.pop("metric", None)}
    schedule = f"training/range-test:low={low / high:g}"
    diverged = False
    try:
        zoo.train(
            recipe,
            epochs=epochs,
            seed=seed,
            techniques=[*how.pop("techniques", ()), schedule],
            overrides={name: value for name, value in settings.items() if value is not None},
            fresh=True,
            progress=heard.append,
            **how,
        )
    except ModelError as error:
        if not has_diverged(error):
            raise
        diverged = True
    return found_range(*points(heard, low, high), diverged, low, high)


def points(heard: Sequence[TrainingProgress], low: float, high: float) -> tuple[list[float], list[float]]:
    """Rates and losses of the stretches between two reports of an epoch's mean loss so far."""
    schedule = RangeTest(low=low / high)
    rates: list[float] = []
    losses: list[float] = []
    epoch, done, total = 0, 0, 0.0
    for step in heard:
        if step.loss is None or step.epoch == 0 or (step.epoch == epoch and step.done <= done):
            continue
        if step.epoch != epoch:
            epoch, done, total = step.epoch, 0, 0.0
        middle: Any = (step.epoch - 1) * step.total + (done + step.done - 1) / 2
        rates.append(high * schedule.factor(middle, step.epochs * step.total))
        losses.append((step.loss * step.done - total) / (step.done - done))
        done, total = step.done, step.loss * step.done
    return rates, losses


def found_range(rates: Sequence[float], losses: Sequence[float], diverged: bool, low: float, high: float) -> Range:
    """What follows from the curve. Raises OptionError where nothing does."""
    if len(rates) < FEWEST:
        raise OptionError(
            f"{len(rates)} points of the loss are too few to find a rate in; there is one every 20 steps",
            "raise `epochs` or `share`, or lower `batch_size`" + ("; or lower `high`, where it diverged" if diverged else ""),
        )
    smooth = [sum(part) / len(part) for part in (losses[max(i - 1, 0) : i + 2] for i in range(len(losses)))]
    lowest = min(range(len(smooth)), key=smooth.__getitem__)
    fall = max(smooth[: lowest + 1]) - smooth[lowest]
    if lowest == 0 or fall <= 0:
        raise OptionError(
            f"the loss does not fall at any rate from {low:g} to {high:g}", "lower `low`, or train on more: `epochs`"
        )
    if not diverged and max(smooth[lowest:]) < smooth[lowest] + RISEN * fall:
        raise OptionError(f"the loss does not rise again up to a rate of {high:g}, so no largest rate is found", "raise `high`")
    begun = next(i for i in range(lowest + 1) if smooth[i] <= max(smooth[: i + 1]) - BEGUN * fall)
    steepest = min(range(1, lowest + 1), key=lambda i: smooth[i] - smooth[i - 1])
    middle = math.sqrt(rates[steepest - 1] * rates[steepest])
    return Range(tuple(rates), tuple(losses), diverged, rates[begun], middle, rates[lowest])
