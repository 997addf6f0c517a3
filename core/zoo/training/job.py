"""A training job: everything that a trainer is given, and what it gives back.

A trainer is a function `trainer(job) -> TrainResult`. A recipe names it; `zoo.training.loop:train` is the default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from zoo.data.dataset import Dataset
from zoo.identity.code import Code
from zoo.metrics.base import Metric
from zoo.seeds import seed_everything
from zoo.specs import Frozen, ModelSpec, RecipeSpec
from zoo.tasks.base import Batch, Rows, Task
from zoo.training.prepared import Prepared

if TYPE_CHECKING:
    from torch import Tensor

VALIDATION_BATCH = 256


class Epoch(Frozen):
    """One finished epoch. `loss` is the mean over its training samples, `score` the metric on the validation split.

    The score is None where the metric is not defined, such as a precision where nothing was predicted.
    """

    epoch: int
    loss: float
    score: float | None
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """The state of the best epoch, and how training went."""

    state: "dict[str, Tensor]"
    epoch: int
    score: float | None
    history: tuple[Epoch, ...]
    resumed_from: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far training is: batch `done` of `total` in an epoch. `score` stands at an epoch's end, `note` where there is news.

    In epoch 0 data is downloaded: bytes are counted, and a total of 0 is unknown.
    """

    epoch: int
    epochs: int
    done: int
    total: int
    loss: float | None = None
    score: float | None = None
    note: str = ""


@dataclass(frozen=True)
class TrainingJob:
    """One recipe, bound to its model and to opened data. `train` and `validation` are parts of the recipe's split."""

    recipe: RecipeSpec
    model: ModelSpec
    task: Task
    train: Dataset
    validation: Dataset
    metric: Metric
    direction: Literal["higher", "lower"]
    fingerprint: str
    """Of the recipe's whole split, before it was divided."""
    folder: Path
    """Where checkpoints go; nobody else writes there meanwhile."""
    key: str
    """Hash of all that determines the result: a checkpoint of another key is of no use."""
    device: str = "cpu"
    progress: Callable[[Progress], None] | None = None
    code: Code | None = None
    """What the key says of the code that has a part in the result."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the labels."""
        return tuple(self.train.classes or ())

    def build_model(self) -> Any:
        """The model with fresh parameters, which the recipe's seed determines. Same model at every call."""
        from zoo.opening.models import build_model

        seed_everything(self.recipe.seed, "parameters")
        return build_model(self.model, self.recipe.task, dict(self.recipe.config))

    @cached_property
    def train_inputs(self) -> Prepared:
        """The samples to train on, prepared as in evaluation; labels are `train_inputs.targets`, int64 [n]."""
        return Prepared(self.train, self.task)

    @cached_property
    def validation_inputs(self) -> Prepared:
        """The samples that select the checkpoint, prepared as in evaluation."""
        return Prepared(self.validation, self.task)

    def validate(self, predict: "Callable[[Any], Tensor]") -> float | None:
        """The recipe's metric on the validation split.

        `predict` is the model: it takes a batch of inputs on the CPU and returns what its task demands, which is verified.
        Raises PredictionError where that is not so. Returns None where the metric is not defined.
        """
        state = None
        indices = range(len(self.validation_inputs))
        size = min(VALIDATION_BATCH, self.task.shard_size)  # small where a sample is large
        for start in range(0, len(indices), size):
            rows = self._rows(predict, indices[start : start + size])
            update = self.metric.update(rows)
            state = update if state is None else self.metric.merge(state, update)
        return self.metric.compute(state or {}, self.classes).value

    def _rows(self, predict: "Callable[[Any], Tensor]", indices: range) -> Rows:
        """Predictions for some samples, coded and decoded as a run would store them."""
        ids = [self.validation.ids[i] for i in indices]
        batch = Batch(ids, self.validation_inputs.batch(indices), [self.validation.targets[i] for i in indices], [0] * len(ids))
        columns = self.task.encode(self.task.predict(predict, batch), batch)
        table = pa.table([columns[name] for name in self.task.schema.names], schema=self.task.schema)
        return Rows(ids, self.task.decode(table), self.classes, indices, self.validation)

    def better(self, score: float | None, than: float | None) -> bool:
        """Whether a score beats another. A tie does not, so the earliest best epoch wins; None is beaten by any number."""
        if score is None or than is None:
            return score is not None
        return score > than if self.direction == "higher" else score < than

    def report(self, progress: Progress) -> None:
        """Tell whoever watches how far training is."""
        if self.progress is not None:
            self.progress(progress)
