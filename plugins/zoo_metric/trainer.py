"""Training an embedding: the core's loop with a loss between the samples of a batch, and batches of P classes x K samples."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import OptionError
from zoo.training import Loop, TrainingJob, TrainResult

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


class Options(BaseModel):
    """What a recipe says under `options`."""

    model_config = ConfigDict(extra="forbid")
    loss: Literal["contrastive", "triplet", "arcface"]
    per_class: int = Field(default=4, ge=2, description="Samples of each class in a batch.")
    width: int = Field(default=64, ge=1, description="Dimensions of the model's vectors; only arcface needs to know.")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


def train(job: TrainingJob) -> TrainResult:
    """Train a recipe of task embed. Raises OptionError where its options are not those of `Options`."""
    return EmbeddingLoop(job).run()


class EmbeddingLoop(Loop):
    """The loop with a loss of pytorch-metric-learning on vectors [b, d] and labels [b]."""

    separable = False  # samples are compared with each other

    def __init__(self, job: TrainingJob) -> None:
        try:
            self.options = Options.model_validate(job.recipe.options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise OptionError(f"options.{where} of {job.recipe.name}: {first['msg']}", "correct the recipe") from error
        super().__init__(job)

    def build_loss(self) -> "nn.Module":
        loss: nn.Module = LOSSES[self.options.loss](len(self.job.classes), self.options.width)
        return loss

    def draw(self, generator: "Generator") -> "list[Tensor]":
        size, per_class = self.job.recipe.batch_size, self.options.per_class
        return balanced_batches(self.data.targets, size, per_class, self.batches, generator)


def balanced_batches(labels: "Tensor", size: int, per_class: int, count: int, generator: "Generator") -> "list[Tensor]":
    """Positions of `count` batches, each of size // per_class classes with `per_class` samples.

    Classes come in random order, all of them once before any comes again; samples of a class are drawn without repetition, as
    many as it has where it has fewer. Raises OptionError where a batch would have no two classes, or no two samples of one.
    Source: Hermans et al. 2017, In defense of the triplet loss, arXiv:1703.07737, section 2 (PK batches).
    """
    import torch

    members = [(labels == label).nonzero().flatten() for label in torch.unique(labels)]
    classes = min(size // per_class, len(members))
    if classes < 2:
        raise OptionError(
            f"a batch of {size} with {per_class} samples a class, of {len(members)} classes, holds no pairs to learn from",
            "make batch_size at least twice per_class, and give the recipe at least two classes",
        )
    rounds = -(-count * classes // len(members))
    order = torch.cat([torch.randperm(len(members), generator=generator) for _ in range(rounds)])
    batches = []
    for start in range(0, count * classes, classes):
        chosen = dict.fromkeys(order[start : start + classes].tolist())  # a class may end one round and begin the next
        drawn = [members[label][torch.randperm(len(members[label]), generator=generator)[:per_class]] for label in chosen]
        batches.append(torch.cat(drawn))
    return batches


def contrastive(classes: int, width: int) -> Any:
    """Pairs of one class to distance 0, others beyond 1/2. Source: Hadsell, Chopra & LeCun 2006, eq. 4, without the squares."""
    from pytorch_metric_learning.losses import ContrastiveLoss

    return ContrastiveLoss(pos_margin=0.0, neg_margin=0.5)


def triplet(classes: int, width: int) -> Any:
    """Each pair of one class nearer than any other by 0.2. Source: Schroff et al. 2015, FaceNet, arXiv:1503.03832, eq. 1.

    All triplets of a batch count that violate the margin, with equal weight.
    """
    from pytorch_metric_learning.losses import TripletMarginLoss

    return TripletMarginLoss(margin=0.2)


def arcface(classes: int, width: int) -> Any:
    """Cross-entropy over cosines to a learnt centre of each class, the angle to the own one made larger by a margin.

    Source: Deng et al. 2019, ArcFace, arXiv:1801.07698, eq. 3; here with a margin of 0.2 rad and a scale of 16, since the
    paper's 0.5 and 64 are for faces by the million.
    """
    from pytorch_metric_learning.losses import ArcFaceLoss

    return ArcFaceLoss(num_classes=classes, embedding_size=width, margin=11.5, scale=16)


LOSSES = {"contrastive": contrastive, "triplet": triplet, "arcface": arcface}
