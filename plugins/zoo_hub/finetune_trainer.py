"""Fine-tuning by name: the core's loop, from published weights of which all but the head is taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Generator, Tensor, nn

from zoo.errors import WeightsError
from zoo.opening import Choice, named_model, read_state, read_weights, weights_sha256
from zoo.options import checked_settings
from zoo.training import Loop, TrainingJob, TrainingProgress, TrainResult
from zoo_hub.folder import FolderModel

LEAST = 0.5
"""Share of the model's parameters that must come from the weights; with fewer they are those of another model."""


class Options(BaseModel):
    """What the recipe says under `options`."""

    model_config = ConfigDict(extra="forbid")
    pretrained: bool | str = Field(
        default=True,
        description="true: from the weights that the model's name stands for; false: from nothing; else a file of your own.",
    )
    keep_statistics: bool = Field(
        default=True,
        description="Batch normalisation keeps the statistics of the weights that it begins with: few steps cannot learn them.",
    )
    precision: str = Field(default="fp32", description="fp32, bf16 or fp16.")


def train(job: TrainingJob) -> TrainResult:
    """Fine-tune a classifier. Raises WeightsError where the weights to begin from are absent, or of another model."""
    return FinetuneLoop(job).run()


class FinetuneLoop(Loop):
    """The loop, begun from weights with another head."""

    def __init__(self, job: TrainingJob) -> None:
        options = checked_settings(Options, job.recipe.options, "option", job.recipe.name)
        assert isinstance(options, Options)
        super().__init__(job)
        network = self.accelerator.unwrap_model(self.model)
        note = begin(network, job, options.pretrained)
        kept = options.keep_statistics and options.pretrained is not False
        self.frozen = [part for part in network.modules() if kept and isinstance(part, nn.modules.batchnorm._BatchNorm)]
        if self.average:
            self.average.set(network)
        job.report(TrainingProgress(0, job.recipe.epochs, 0, 0, note=note))

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        for part in self.frozen:
            part.eval()
        return super().batch_loss(inputs, targets, generator)


def begin(network: nn.Module, job: TrainingJob, pretrained: bool | str) -> str:
    """Fill a network with the weights to begin from, in place; returns what was taken, in a sentence."""
    if pretrained is False:
        return f"{job.model.name} begins with random weights"
    source = f"{job.model.name}@{tag_of(job)}" if pretrained is True else Path(pretrained).name
    try:
        fresh = _filled(network, job, None if pretrained is True else Path(pretrained).expanduser())
    except WeightsError as error:
        begun = "`overrides.options.pretrained="
        others = f"begin with a file of weights: {begun}FILE`, or from nothing: {begun}false`"
        raise WeightsError(error.message, others if pretrained is True else f"{error.hint}; or {others}") from error
    state = network.state_dict()
    taken = 1 - sum(state[name].numel() for name in fresh) / sum(tensor.numel() for tensor in state.values())
    if taken < LEAST:
        raise WeightsError(
            f"{source} fits {job.model.name} in {taken:.0%} of its parameters only; it lacks {', '.join(fresh[:3])}",
            "take weights of this very architecture; its head alone may be another",
        )
    head = ", ".join(fresh[:4]) + (", ..." if len(fresh) > 4 else "") or "nothing"
    return f"weights of {source}, but new, for the {len(job.classes)} classes of {job.recipe.dataset}: {head}"


def tag_of(job: TrainingJob) -> str:
    """The tag of the published weights to begin from, the latest. Raises WeightsError where there are none."""
    if not job.model.weights:
        raise WeightsError(f"nobody has published weights of {job.model.name}")
    return list(job.model.weights)[-1]


def _filled(network: nn.Module, job: TrainingJob, file: Path | None) -> list[str]:
    """Fill a network; returns the names of what stays as it was."""
    tag = None if file is not None else tag_of(job)
    if isinstance(network, FolderModel):  # by transformers, which knows how its heads differ
        if file is not None:
            return network.begin_from(read_state(file)[0])
        weights = job.model.weights[tag or ""]
        return network.begin_from(read_weights(weights, sha256=weights_sha256(weights)))
    original = named_model(job.model, job.recipe.task, Choice(tag, file=file)).load()
    return taken_over(network, original.state_dict())


def taken_over(network: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Copy every tensor of the same name and shape into a network; returns the names of the others."""
    own = network.state_dict()
    fresh = [name for name, tensor in own.items() if name not in state or state[name].shape != tensor.shape]
    with torch.no_grad():
        for name in own.keys() - set(fresh):
            own[name].copy_(state[name])
    return fresh
