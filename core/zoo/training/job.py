"""A training job: everything that a trainer is given, and what it gives back.

A trainer is a function `trainer(job) -> TrainResult`. A recipe names it; `zoo.training.loop:train` is the default.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from zoo.data.dataset import Dataset
from zoo.errors import ModelError
from zoo.identity.code import Code
from zoo.identity.watching import unwatched
from zoo.metrics.base import Metric
from zoo.opening.models import Model
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import registry
from zoo.seeds import seed_everything
from zoo.specs import Frozen, ModelSpec, RecipeSpec
from zoo.tasks.base import Rows, Task
from zoo.training.cost import TrainingCost
from zoo.training.prepared import Prepared
from zoo.training.techniques import Techniques, chosen
from zoo.training.trace import StepCurve
from zoo.turns import turn

if TYPE_CHECKING:
    from torch import Tensor

VALIDATION_BATCH = 256


class Epoch(Frozen):
    """One finished epoch. `loss` is the mean over its training samples, `score` the metric on the validation split.

    The score is None where the metric is not defined, such as a precision where nothing was predicted. `losses` are the means of
    what a trainer tells by name beside the loss, such as those of two networks that play against each other; `scores` what it
    measures on validation samples beside the metric. The interval is of 95 %, by the samples alone; `interval` names its method,
    or says why there is none.
    """

    epoch: int
    loss: float
    score: float | None
    seconds: float
    losses: dict[str, float] = Field(default_factory=dict)
    scores: dict[str, float] = Field(default_factory=dict)
    ci_low: float | None = None
    ci_high: float | None = None
    interval: str = ""


@dataclass(frozen=True)
class TrainResult:
    """The state of the best epoch, and how training went."""

    state: "dict[str, Tensor]"
    epoch: int
    score: float | None
    history: tuple[Epoch, ...]
    resumed_from: int | None = None
    cost: TrainingCost | None = None
    differs: str | None = None
    """Why the weights depend on the number of processes, beyond rounding: empty where they do not, None where nobody knows."""
    steps: StepCurve | None = None


@dataclass(frozen=True)
class TrainingProgress:
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
    """One recipe, bound to its model and to opened data. `train` and `validation` are parts of the recipe's split.

    `task` is that of the recipe's benchmark, bound to its protocol; `aux` are the other models that it needs, by role.
    """

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
    progress: Callable[[TrainingProgress], None] | None = None
    aux: Mapping[str, Model] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    """Ids of the user's own data that were neither trained nor validated on, where the split `test` holds others, too."""
    scored_on: str = ""
    """What the weights can be run on, whose split `test` was not trained on; empty where there is no name for that."""
    code: Code | None = None
    """What the key says of the code that has a part in the result."""
    processes: int = 1
    """How many train together, each with its share of every batch; this is the one of number `rank`, and 0 the first."""
    rank: int = 0
    started: Callable[[Any], None] | None = None
    """Called with the trainer's loop before its first step; what it raises ends the training."""
    intervals: dict[float | None, dict[str, Any]] = field(default_factory=dict)
    """What `validate` found beside each score: those fields of an `Epoch`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the labels."""
        return tuple(self.train.classes or ())

    def build_model(self) -> Any:
        """The model with fresh parameters, which the recipe's seed determines. Same model at every call."""
        from zoo.opening.models import build_model

        with turn():
            seed_everything(self.recipe.seed, "parameters")
            return build_model(self.model, self.recipe.task, dict(self.recipe.config))

    def changed(self, **fields: Any) -> "TrainingJob":
        """The same with other fields, on the same samples: those that are prepared stay so, and techniques that are built."""
        other = replace(self, **fields)
        kept = ["train_inputs", "validation_inputs", *(["techniques"] if not fields.keys() & {"recipe", "processes"} else [])]
        vars(other).update({name: vars(self)[name] for name in kept if name in vars(self)})
        return other

    @cached_property
    def techniques(self) -> Techniques:
        """The optimizer, schedule, precision and whatever else the recipe has by name, built."""
        return chosen(registry(), self.recipe).among(self.processes, registry())

    @cached_property
    def train_inputs(self) -> Prepared:
        """The samples to train on, prepared as in evaluation; labels are `train_inputs.targets`, int64 [n]."""
        return Prepared(self.train, self.task)

    @cached_property
    def validation_inputs(self) -> Prepared:
        """The samples that select the checkpoint, prepared as in evaluation."""
        return Prepared(self.validation, self.task)

    @cached_property
    def aux_models(self) -> dict[str, Any]:
        """The other models that the task needs, loaded, on the job's device."""
        loaded = {role: other.load() for role, other in self.aux.items()}
        return {role: model.to(self.device) if hasattr(model, "to") else model for role, model in loaded.items()}

    def validate(self, model: Any) -> float | None:
        """The recipe's metric on the validation split.

        `model` does what its task demands, in `eval` mode where it has one; an nn.Module is given its inputs on its own device,
        anything else on the CPU. Raises PredictionError where it returns something else, PluginError where the metric gives
        what can be no score. Returns None where the metric is not defined.
        """
        from zoo.runs.folding import check_score

        text = self.recipe.metric
        with unwatched():  # the index is no part of what a training reads
            spec = registry().metric(text)
        state = None
        size = min(VALIDATION_BATCH, self.task.shard_size)  # small where a sample is large
        for rows in self.predict(model, range(len(self.validation_inputs)), size):
            with in_plugin(spec.name, f"metric {text}"):
                update = self.metric.update(rows)
                state = update if state is None else self.metric.merge(state, update)
        with in_plugin(spec.name, f"metric {text}"):
            score = self.metric.compute(state or {}, self.classes)
            check_score(text, spec, score)
        self.intervals[score.value] = {"ci_low": score.ci_low, "ci_high": score.ci_high, "interval": score.interval}
        return score.value

    def interval_of(self, score: float | None) -> dict[str, Any]:
        """The fields of an `Epoch` that say the interval of a score of `validate`."""
        other = {"interval": "none: the score is not the metric's, but the trainer's own"}
        return self.intervals.get(score, other)

    def predict(self, model: Any, positions: Sequence[int], batch_size: int) -> Iterator[Rows]:
        """What a model says of some validation samples, as a run would store and read it back."""
        from zoo.runs.predicting import predictions

        self.task.bind(self.aux_models)
        return predictions(
            self.task,
            model,
            self.validation,
            positions,
            device=_device_of(model),
            batch_size=batch_size,
            source=self.validation_inputs,
            lay_out=False,  # laid out anew, a model would train on to other last bits
        )

    def better(self, score: float | None, than: float | None) -> bool:
        """Whether a score beats another. A tie does not, so the earliest best epoch wins; None is beaten by any number."""
        if score is None or than is None:
            return score is not None
        return score > than if self.direction == "higher" else score < than

    def report(self, progress: TrainingProgress) -> None:
        """Tell whoever watches how far training is. Raises ModelError where the trainer has passed a technique over."""
        if progress.done and progress.epoch:
            self.check_taken()
        if self.progress is not None:
            self.progress(progress)

    def check_taken(self) -> None:
        """Raises ModelError where the trainer, which has begun, has passed a technique over."""
        if passed := self.techniques.passed_over:
            what = "`processes`" if passed == [self.techniques.name_of("parallel")] else "it"
            raise ModelError(
                f"the trainer of {self.recipe.name} does nothing with {', '.join(passed)}",
                f"leave {what} out, or let the recipe have a trainer that is a zoo.training.Loop",
            )


def placed(inputs: Any, device: Any) -> Any:
    """Tensors on a device, in a dict or a list too; anything else as it is."""
    if hasattr(inputs, "to"):
        return inputs.to(device, non_blocking=True)
    if isinstance(inputs, dict):
        return {name: placed(column, device) for name, column in inputs.items()}
    return [placed(item, device) for item in inputs] if type(inputs) is list else inputs


def cut(inputs: Any, start: int, stop: int) -> Any:
    """Samples `start` to `stop` of a batch's inputs: a tensor or a list, or a dict of such."""
    return {name: column[start:stop] for name, column in inputs.items()} if isinstance(inputs, dict) else inputs[start:stop]


def _device_of(model: Any) -> Any:
    """Where a model's parameters are; the CPU where it has none."""
    parameters = model.parameters() if hasattr(model, "parameters") else iter(())
    first = next(iter(parameters), None)
    return getattr(first, "device", "cpu")
