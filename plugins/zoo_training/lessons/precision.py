"""Precisions: what bfloat16 changes of a training, and what fewer bits change of an evaluation of the same weights."""

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

import zoo
from zoo.charts import line_chart
from zoo.errors import ModelError
from zoo.opening import read_state
from zoo_training.lessons.course import Course, Trained, mean_score, validation_curve
from zoo_training.lessons.lesson import Lesson, over_seeds, plain, shown

if TYPE_CHECKING:
    from torch import Tensor

EVALUATED = ("bf16", "int8-weight-only", "int8-dynamic")
"""Precisions in which weights that were trained in fp32 are evaluated, too."""


def precisions(course: Course, evaluated: Sequence[str] = EVALUATED) -> Lesson:
    """Training in fp32 and in bf16 from the same seeds, and what fp32 gave, evaluated in less."""
    full, half = course.each_seed(["fp32"]), course.each_seed(["bf16"])
    pairs = [(one, other) for one, other in zip(full, half, strict=True) if one is not None and other is not None]
    if not pairs:
        raise ModelError(f"{course.recipe} diverges from every seed", "lower its learning rate")
    off = max(difference(one.training.weights, other.training.weights) for one, other in pairs)
    scores = {("fp32", "fp32"): mean_score(full), ("bf16", "fp32"): mean_score(half)}
    for precision in evaluated:
        course.tell(f"evaluating in {precision}")
        scores["fp32", precision] = over_seeds([_score(one, precision) for one, _ in pairs])
    apart = {("fp32", "fp32"): "", ("bf16", "fp32"): f"{off:.3g}"}
    steps = {("fp32", "fp32"): _step(full), ("bf16", "fp32"): _step(half)}
    rows = [
        (*place, shown(score), apart.get(place, ""), f"{1000 * steps[place]:.3g} ms" if place in steps else "")
        for place, score in scores.items()
    ]
    kept = ", ".join(f"{one.training.epoch} and {other.training.epoch}" for one, other in pairs)
    return Lesson(
        "Training and evaluating in less than 32 bits",
        ("trained in", "evaluated in", "test score", "weights off by", "a step"),
        rows,
        [
            f"Weights off by: the largest difference of any from fp32's. Epochs kept, fp32 and bf16, seed by seed: {kept}.",
            "A step is the median over steps and seeds, on a CPU, where bfloat16 may be slower than float32.",
            *course.notes(),
        ],
        [
            {"trained": trained, "evaluated": precision, "score": plain(score)}
            | ({"step_seconds": steps[trained, precision]} if (trained, precision) in steps else {})
            | ({"weights_off_by": off} if trained == "bf16" else {})
            for (trained, precision), score in scores.items()
        ],
        line_chart({"fp32": validation_curve(full), "bf16": validation_curve(half)}, "validation score", "epoch", first=1),
    )


def difference(one: str, other: str) -> float:
    """The largest difference between two files of weights of one network, in any value."""
    from pathlib import Path

    first, second = (read_state(Path(path))[0] for path in (one, other))
    return max(_apart(first[name], second[name]) for name in first)


def _apart(one: "Tensor", other: "Tensor") -> float:
    return float((one.double() - other.double()).abs().max()) if one.numel() else 0.0


def _score(one: Trained, precision: str) -> float:
    run = zoo.evaluate(
        one.training.recipe.model, one.run.benchmark, weights=one.training.weights, precision=precision, device="cpu"
    )
    return run.primary.value if run.primary.value is not None else float("nan")


def _step(trained: Sequence[Trained | None]) -> float:
    """Seconds of a median step, the median of the seeds."""
    costs = [one.training.cost for one in trained if one is not None]
    seconds = [cost.step_seconds for cost in costs if cost is not None and cost.step_seconds is not None]
    return median(seconds) if seconds else float("nan")
