"""The record of a training: immutable, and enough to train the same weights again."""

from typing import Any, Literal

from pydantic import Field

from zoo.runs.record import Environment, Provider
from zoo.specs import Frozen, RecipeSpec
from zoo.training.cost import TrainingCost
from zoo.training.job import Epoch
from zoo.training.trace import StepCurve


class TrainingData(Frozen):
    """The samples, and how they were divided. The validation split is a part of the recipe's split."""

    name: str
    split: str
    fingerprint: str
    trained_on: int
    validated_on: int
    held_out: tuple[str, ...] = Field(
        default=(),
        description="Ids of samples of the user's own data that training has not seen, where the split test holds others, too.",
    )
    scored_on: str = Field(default="", description="What the weights can be run on, whose split test training has not seen.")


class TrainingStart(Frozen):
    """What is known when a training begins, or goes on: given to observers."""

    key: str = Field(description="Hash of all that determines the weights; the record has the same.")
    recipe: RecipeSpec = Field(description="As executed, overrides included.")
    dataset: str
    trained_on: int = Field(description="Samples to train on.")
    validated_on: int
    device: str
    processes: int = 1


class TrainingRecord(Frozen):
    """One finished training."""

    schema_version: Literal[1] = 1
    key: str = Field(description="Hash of all that determines the weights.")
    created: str = Field(description="UTC, ISO 8601.")
    recipe: RecipeSpec = Field(description="As executed, overrides included.")
    overrides: dict[str, Any]
    dataset: TrainingData
    history: tuple[Epoch, ...]
    epoch: int = Field(description="The epoch whose weights were kept.")
    score: float = Field(description="The recipe's metric on the validation split after that epoch.")
    ci_low: float | None = Field(default=None, description="95 % interval of the score, by the validation samples alone.")
    ci_high: float | None = None
    interval: str = Field(default="", description="How the interval was found, or why there is none.")
    weights: str = Field(description="Path of the safetensors file.")
    weights_sha256: str
    curves: str = Field(default="", description="Path of the picture of its losses and scores, PNG.")
    steps: StepCurve | None = Field(default=None, description="Loss and rate by the step; None of a trainer that does not say.")
    cost: TrainingCost | None = Field(default=None, description="What the steps took; None of a trainer that does not say.")
    device: str
    threads: int
    processes: int = Field(default=1, description="That trained together, in the end.")
    parallel: str = Field(default="", description="Technique by which they did.")
    differs: str | None = Field(
        default=None,
        description="Why the weights depend on the number of processes, beyond rounding; empty where they do not, None where "
        "it is not known.",
    )
    seconds: float = Field(description="Spent in epochs, by all processes that took part.")
    resumed_from: int | None = Field(description="Last epoch of the process before, where training was interrupted.")
    environment: Environment
    providers: tuple[Provider, ...] = Field(
        default=(), description="Distributions of the plugins of recipe, model, dataset, metric and techniques."
    )
    doubt: str = Field(default="", description="Why the weights are not used again: what code reads or asks that no key knows.")
    remarks: tuple[str, ...] = Field(
        default=(), description="What a reader must know of how data were found and read by the process that ended the training."
    )
