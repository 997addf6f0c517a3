"""Training on galaxies: the core's loop, from a pretrained backbone, in an order that suits how the file is stored."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import ModelError, OptionError
from zoo.training import Loop, TrainingJob, TrainResult

if TYPE_CHECKING:
    from torch import Generator, Tensor

POOL = 2048
"""Samples that are shuffled together; the chunks of a pool lie in memory one after another, each read once an epoch."""


class Options(BaseModel):
    """What a recipe says under `options`."""

    model_config = ConfigDict(extra="forbid")
    pretrained: str | None = Field(default=None, description="timm's name of the weights to start from; None: random ones.")


def train(job: TrainingJob) -> TrainResult:
    """Train a GalaxyNet. Raises ModelError where the pretrained weights cannot be had, OptionError for unknown options."""
    return GalaxyLoop(job).run()


class GalaxyLoop(Loop):
    """The loop, started from pretrained weights."""

    def __init__(self, job: TrainingJob) -> None:
        try:
            options = Options.model_validate(job.recipe.options)
        except ValidationError as error:
            raise OptionError(f"options of {job.recipe.name}: {error.errors()[0]['msg']}", "correct the recipe") from error
        super().__init__(job)
        self.chunk_of = sample_chunks(job.train)
        if options.pretrained is not None:
            state = pretrained_state(options.pretrained)
            for model in (self.accelerator.unwrap_model(self.model), *([self.average.module] if self.average else ())):
                model.backbone.load_state_dict(state, strict=False)

    def draw(self, generator: "Generator") -> "list[Tensor]":
        if self.chunk_of is None:
            return super().draw(generator)
        return draw_by_chunk(self.chunk_of, self.job.recipe.batch_size, generator)


def sample_chunks(dataset: Any) -> list[int] | None:
    """The chunk of the HDF5 file that holds each sample of a part of a dataset; None where a chunk holds but one image, or
    the file is not chunked: then any order costs the same."""
    whole, positions = getattr(dataset, "dataset", dataset), getattr(dataset, "positions", None)
    of_whole = getattr(whole, "chunks", None)
    chunks = of_whole() if of_whole is not None else None
    return chunks if chunks is None or positions is None else [chunks[position] for position in positions]


def draw_by_chunk(chunk_of: list[int], size: int, generator: "Generator") -> "list[Tensor]":
    """Batches of positions, every position once: chunks in random order, and samples in random order within POOL of them.

    Within a batch positions ascend by chunk, so that a chunk is unpacked once a pool rather than once a sample.
    """
    import torch

    chunks = torch.tensor(chunk_of)
    place = torch.randperm(int(chunks.max()) + 1, generator=generator)[chunks]
    order = place.argsort(stable=True)
    batches = []
    for pool in torch.split(order, POOL):
        shuffled = pool[torch.randperm(len(pool), generator=generator)]
        batches += [batch[chunks[batch].argsort(stable=True)] for batch in torch.split(shuffled, size)]
    return [batch for batch in batches if len(batch) > 1 or len(chunk_of) == 1 or size == 1]


def pretrained_state(name: str) -> "dict[str, Tensor]":
    """timm's weights of a name without the last layer. Raises ModelError where they are not here and cannot be fetched."""
    import timm

    try:
        model = timm.create_model(name, pretrained=True)
    except Exception as error:  # of the hub's client, which has many
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the pretrained weights {name} of timm cannot be had: {reason}",
            "train where the Hugging Face hub can be reached, or put the weights into its cache (HF_HOME)",
        ) from error
    model.reset_classifier(0)  # type: ignore[operator]  # which leaves out the last layer, whose classes are others
    return {key: value.detach() for key, value in model.state_dict().items()}
