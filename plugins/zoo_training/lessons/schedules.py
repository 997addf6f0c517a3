"""Schedules of the learning rate on one recipe: what each is worth there, and whether that is more than what a seed is worth."""

from collections.abc import Sequence

from zoo.charts import line_chart
from zoo_training.lessons.course import Course, mean_score, validation_curve
from zoo_training.lessons.lesson import Lesson, plain, shown

SCHEDULES = (
    "constant",
    "warmup:warmup=0.1",
    "cosine",
    "cosine:warmup=0.1",
    "linear",
    "polynomial",
    "inverse-sqrt",
    "step",
    "onecycle",
    "wsd",
)
"""All but the range test, which is a measurement and no training."""


def schedules(course: Course, names: Sequence[str] = SCHEDULES) -> Lesson:
    """Each schedule in the recipe's place of one, all else alike, the recipe's rate the largest of each."""
    trained = {name: course.each_seed([name]) for name in names}
    scores = {name: mean_score(each) for name, each in trained.items()}
    rows = [(name, shown(scores[name])) for name in names]
    optimizer = next((one.training.recipe.optimizer for each in trained.values() for one in each if one is not None), None)
    notes = [f"{optimizer.name}, largest rate {optimizer.lr:g}."] if optimizer is not None else []
    return Lesson(
        "Test score with one schedule or another",
        ("schedule", "test score"),
        rows,
        [*notes, *course.notes()],
        [{"schedule": name, "score": plain(scores[name])} for name in names],
        line_chart({name: validation_curve(each) for name, each in trained.items()}, "validation score", "epoch", first=1),
    )
