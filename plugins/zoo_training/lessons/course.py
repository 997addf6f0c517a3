"""The trainings of a lesson: one recipe, changed in one thing at a time, over a few seeds, each scored on the test split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import zoo
from zoo.charts import Curve
from zoo.errors import ModelError, OptionError
from zoo.metrics import Score
from zoo.runs import RunRecord
from zoo.training import TrainingRecord
from zoo_training.lessons.lesson import over_seeds


@dataclass(frozen=True)
class Trained:
    """A finished training, and its weights on the test split."""

    training: TrainingRecord
    run: RunRecord

    @property
    def score(self) -> float:
        """The benchmark's first metric."""
        value = self.run.primary.value
        if value is None:
            raise OptionError(f"{self.run.primary.metric} is not defined on {self.run.benchmark}", "name a recipe whose score is")
        return value


@dataclass
class Course:
    """A recipe, the share of its split that is trained on, how often, and from which seeds.

    `tell` is given a line before each training. A finished one is found, not repeated; one that was interrupted goes on.
    """

    recipe: str
    share: float
    epochs: int
    seeds: Sequence[int]
    tell: Callable[[str], None]
    seconds: float = 0.0
    """Of all trainings so far, whenever they ran."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the libraries that a result depends on most."""

    def train(self, seed: int, techniques: Sequence[str], **overrides: Any) -> TrainingRecord | None:
        """The training of a seed with some techniques; None where it diverged."""
        fields = {"share": self.share, **overrides}
        self.tell(f"{', '.join(techniques)} with {_said(overrides)}, seed {seed}")
        try:
            record = zoo.train(self.recipe, epochs=self.epochs, seed=seed, techniques=techniques, overrides=fields, device="cpu")
        except ModelError as error:
            if not diverged(error):
                raise
            return None
        self.seconds += record.seconds
        packages = record.environment.packages
        self.versions.update({name: packages[name] for name in ("torch", "timm") if name in packages})
        return record

    def scored(self, seed: int, techniques: Sequence[str], **overrides: Any) -> Trained | None:
        """The same, scored."""
        record = self.train(seed, techniques, **overrides)
        if record is None:
            return None
        recipe = record.recipe
        on = recipe.benchmark or record.dataset.scored_on or record.dataset.name
        return Trained(record, zoo.evaluate(recipe.model, on, task=recipe.task, weights=record.weights, device="cpu"))

    def each_seed(self, techniques: Sequence[str], **overrides: Any) -> list[Trained | None]:
        """One of each seed."""
        return [self.scored(seed, techniques, **overrides) for seed in self.seeds]

    def notes(self) -> list[str]:
        """What stands below every table."""
        share = f"{100 * self.share:.3g} % of the split" if self.share < 1 else "the whole split"
        seeds = ", ".join(map(str, self.seeds))
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return [
            f"{self.recipe} on {share}, {self.epochs} epochs, seeds {seeds}; {versions}; "
            f"{self.seconds / 60:.1f} minutes of training.",
            "Scores are of the test split. Intervals are Student's over seeds, 95 %: seeds draw weights, order, validation "
            "samples and the share; the test samples are the same.",
        ]


def diverged(error: ModelError) -> bool:
    """Whether a training ended since its loss, or after a last step its outputs, are no numbers any more."""
    return "diverged" in error.message or "NaN or infinite" in error.message


def mean_score(trained: Sequence[Trained | None]) -> Score | None:
    """Over seeds; None where one diverged."""
    finished = [one.score for one in trained if one is not None]
    if not finished or len(finished) < len(trained):
        return None
    metric = next(one.run.primary.metric for one in trained if one is not None)
    return over_seeds(finished, *zoo.registry().metric(metric).range)


def validation_curve(trained: Sequence[Trained | None]) -> Curve:
    """The score on validation samples after each epoch, mean of the seeds that came through, with bars from least to largest."""
    histories = [[epoch.score for epoch in one.training.history] for one in trained if one is not None]
    columns = [[value for value in column if value is not None] for column in zip(*histories, strict=True)]
    filled = [column or [float("nan")] for column in columns]
    return Curve([sum(c) / len(c) for c in filled], [min(c) for c in filled], [max(c) for c in filled])


def _said(overrides: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in overrides.items())
