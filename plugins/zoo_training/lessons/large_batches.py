"""Large batches at equal epochs: what is lost, and what scaling, warm-up, LARS and LAMB give back."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import zoo
from zoo.charts import line_chart
from zoo.errors import ModelError
from zoo.training import TrainingRecord
from zoo_training.lessons.course import Course, mean_score, validation_curve
from zoo_training.lessons.lesson import Lesson, plain, shown

BASE = 64
"""Size of batch at which each optimizer's rate is found."""
STEP = 10**0.5
"""Factor between two rates that are tried."""
WIDEST = 4
"""How often the rates tried may be widened by one."""
WARM = "cosine:warmup=0.1"


class Way(NamedTuple):
    """How to train with whatever batch: an optimizer, how its rate follows the batch, and its schedule."""

    name: str
    optimizer: str
    scaling: tuple[str, ...]
    schedule: str
    weight_decay: float
    first: float
    """The middle one of the three rates that are tried first."""


WAYS = (
    Way("SGD", "sgd", (), "cosine", 5e-4, 0.03),
    Way("SGD, linear scaling, warm-up", "sgd", ("linear-scaling",), WARM, 5e-4, 0.03),
    Way("LARS, linear scaling, warm-up", "lars", ("linear-scaling",), WARM, 5e-4, 3.0),
    Way("LAMB, root scaling, warm-up", "lamb", ("sqrt-scaling",), WARM, 1e-2, 0.003),
)


def large_batches(course: Course, batches: Sequence[int] = (64, 512, 4096)) -> Lesson:
    """Each way with each size of batch, from each seed.

    A way's rate is the one of several, √10 apart, whose validation score is best at batch 64 from the first seed; more are tried
    on the side where the best is the last.
    """
    rates = {way: found_rate(course, way) for way in WAYS}
    cells = {
        (way, batch): course.each_seed(_techniques(way), batch_size=batch, **_settings(way, rates[way]))
        for batch in batches
        for way in WAYS
    }
    scores = {place: mean_score(trained) for place, trained in cells.items()}
    rows = [(way.name, f"{rates[way]:.3g}", *(shown(scores[way, batch]) for batch in batches)) for way in WAYS]
    figures = [
        {"way": way.name, "rate": rates[way], "batch": batch, "score": plain(scores[way, batch])}
        for way in WAYS
        for batch in batches
    ]
    largest = batches[-1]
    curves = {
        way.name.partition(",")[0] + (", scaled" if way.scaling else ""): validation_curve(cells[way, largest]) for way in WAYS
    }
    return Lesson(
        "Test score with batches of one size or another, equal epochs",
        ("", f"rate at {BASE}", *(f"batch {batch:,}" for batch in batches)),
        rows,
        [
            f"Rates: of several, a factor of √10 apart, the one that is best on validation samples at batch {BASE}, "
            f"seed {course.seeds[0]}; the outermost ones are worse.",
            *course.notes(),
        ],
        figures,
        line_chart(curves, f"validation score at batch {largest:,}", "epoch", first=1),
    )


def found_rate(course: Course, way: Way) -> float:
    """The rate of the best validation score at the base batch, from the first seed; of equals the nearest to the first guess.

    Raises ModelError where all diverge, or where the best is still an outermost one after some widening.
    """
    scores: dict[int, float] = {}

    def measured(power: int) -> float:
        if power not in scores:
            rate = way.first * STEP**power
            record = course.train(course.seeds[0], _techniques(way), batch_size=BASE, **_settings(way, rate))
            scores[power] = merit(record) if record is not None else -math.inf
        return scores[power]

    low, high = -1, 1
    for _ in range(WIDEST + 1):
        best = max(range(low, high + 1), key=lambda power: (measured(power), -abs(power)))
        if low < best < high and measured(best) > -math.inf:
            return float(f"{way.first * STEP**best:.3g}")
        low, high = low - (best == low or measured(best) == -math.inf), high + (best == high)
    raise ModelError(
        f"no rate of {way.name} between {way.first * STEP**low:.2g} and {way.first * STEP**high:.2g} is the best one",
        "train longer, or on more samples",
    )


def merit(record: TrainingRecord) -> float:
    """The validation score of the epoch that was kept, turned so that more is better."""
    direction = zoo.registry().metric(record.recipe.metric).direction
    return -record.score if direction == "lower" else record.score


def _techniques(way: Way) -> list[str]:
    return [way.optimizer, way.schedule, *way.scaling]


def _settings(way: Way, rate: float) -> dict[str, float]:
    return {"optimizer.lr": float(f"{rate:.3g}"), "optimizer.weight_decay": way.weight_decay}
