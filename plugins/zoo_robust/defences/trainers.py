"""The trainers: the core's loop with the losses of adversarial training, TRADES and interval bound propagation.

Each measures robust accuracy under PGD after every epoch, and keeps the weights of the epoch where it is highest: clean
accuracy would select an epoch before the defence has worked.
"""

import copy
from typing import Any, ClassVar

import torch
from pydantic import Field, ValidationError
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812

from zoo.errors import OptionError
from zoo.specs import Frozen
from zoo.tasks import Norm, Ratio, Threat, Victim, margins
from zoo.training import Epoch, Loop, TrainingJob, TrainResult
from zoo_robust.attacks.balls import Ball, ball
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.defences.inner import ascend, random_start
from zoo_robust.defences.intervals import margin_bounds

WATCHED = 1000
"""Validation samples on which robust accuracy is measured after every epoch: its standard error is at most 0.016."""


class Options(Frozen):
    """What every recipe of a defence says under `options`."""

    norm: Norm = Field(default="linf", description="Of the perturbation that is defended against.")
    eps: Ratio = Field(ge=0, le=1, description="Its largest norm, for pixels in [0, 1].")
    ramp: float = Field(default=0.0, ge=0, le=1, description="Share of the training in which eps grows evenly from 0.")
    precision: str = Field(default="fp32", description="Of the forward passes, as every recipe has it.")


class AdversarialOptions(Options):
    """Of adversarial training. One step from a random start is the fast one of Wong et al. 2020."""

    steps: int = Field(ge=1, description="Gradient steps of the attack that makes the images to train on.")
    step: float = Field(gt=0, description="Length of a step, as a multiple of eps.")
    random_start: bool = Field(default=True, description="Whether the attack starts at a random image of the ball.")


class TradesOptions(Options):
    """Of TRADES."""

    steps: int = Field(ge=1, description="Gradient steps of the attack on the divergence.")
    step: float = Field(gt=0, description="Length of a step, as a multiple of eps.")
    beta: float = Field(ge=0, description="Weight of the divergence, 1/lambda in the paper.")


class IntervalOptions(Options):
    """Of interval bound propagation, as Gowal et al. 2018 have it, section 4."""

    norm: Norm = Field(default="linf", pattern="linf", description="Intervals are boxes.")
    eps_train: Ratio = Field(ge=0, le=1, description="eps at the end of the ramp; larger than eps, it certifies more at eps.")
    warm_up: float = Field(default=0.0, ge=0, le=1, description="Share of the training at eps 0, before the ramp.")
    kappa: float = Field(default=0.5, ge=0, le=1, description="Weight of the clean loss at the end of the ramp; it begins at 1.")


def train_adversarial(job: TrainingJob) -> TrainResult:
    """Train on images that an attack makes of every batch. Raises OptionError where the options are not those declared."""
    return AdversarialLoop(job).run()


def train_trades(job: TrainingJob) -> TrainResult:
    """Train on clean images, and on how far predictions move inside the ball. Raises OptionError as above."""
    return TradesLoop(job).run()


def train_intervals(job: TrainingJob) -> TrainResult:
    """Train on clean images and on bounds of the logits over the whole ball. Raises OptionError as above."""
    return IntervalLoop(job).run()


class DefenceLoop(Loop):
    """What they have in common: options, eps that may grow, and a robust accuracy that selects the epoch."""

    declared: ClassVar[type[Options]] = Options
    selects: ClassVar[str] = "robust-accuracy"

    def __init__(self, job: TrainingJob) -> None:
        try:
            self.options: Any = self.declared.model_validate(job.recipe.options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise OptionError(f"options.{where} of {job.recipe.name}: {first['msg']}", "correct the recipe") from error
        super().__init__(job)

    @property
    def ramped(self) -> float:
        """How much of the ramp is behind, in [0, 1]."""
        return min(1.0, self.done / self.options.ramp) if self.options.ramp else 1.0

    def allowed(self, images: Tensor) -> Ball:
        """The balls of the present step."""
        return ball(images, Threat(self.options.norm, self.options.eps * self.ramped))

    def merit(self, epoch: Epoch) -> float | None:
        return epoch.scores[self.selects]

    def further_scores(self) -> dict[str, float]:
        held_out = self.job.validation_inputs
        positions = range(min(WATCHED, len(held_out)))
        images, labels = self._placed(held_out.batch(positions)), self._placed(held_out.targets[: len(positions)])
        threat = Threat(self.options.norm, self.options.eps)
        return {"robust-accuracy": robust_accuracy(self.scored_model, images, labels, threat)}


def robust_accuracy(model: torch.nn.Module, images: Tensor, labels: Tensor, threat: Threat) -> float:
    """Share that a model gets right, clean and under ten steps of PGD; the model is left as it is."""
    logits = model(images[:1])
    victim = Victim(copy.deepcopy(model).eval(), "the model in training", logits.shape[1], None)
    with torch.no_grad():
        right = margins(victim(images), labels) > 0
    images, labels = images[right], labels[right]
    if not len(images):
        return 0.0
    attacked = Pgd(steps=10)(victim, images, labels, threat, range(len(images)))
    with torch.no_grad():
        standing = margins(victim(attacked.inputs), labels) > 0
    return int(standing.sum()) / len(right)


class AdversarialLoop(DefenceLoop):
    """Cross-entropy of attacked images alone. Source: Madry et al. 2018, eq. 2.1; of one step Wong et al. 2020, algorithm 3."""

    declared = AdversarialOptions

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        images, labels = self._placed(inputs), self._placed(targets)
        allowed = self.allowed(images)
        start = random_start(allowed, generator) if self.options.random_start else images

        def loss(images: Tensor) -> Tensor:
            return F.cross_entropy(self.model(images), labels, reduction="sum")

        attacked = ascend(loss, allowed, start, self.options.steps, self.options.step)
        return self.loss(self.model(attacked), labels)  # type: ignore[no-any-return]


class TradesLoop(DefenceLoop):
    """Cross-entropy of clean images + beta · KL(clean prediction, prediction of the worst image of the ball).

    Source: Zhang et al. 2019, arXiv:1901.08573, eq. 5 and algorithm 1: the attack climbs the same divergence, from the clean
    image moved by Gaussian noise of deviation 0.001, since at the clean image its gradient is 0.
    """

    declared = TradesOptions

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        images, labels = self._placed(inputs), self._placed(targets)
        allowed = self.allowed(images)
        logits = self.model(images)
        clean = logits.detach()
        noise = 0.001 * torch.randn(images.shape, generator=generator)
        start = allowed.project(images + noise.to(images))

        def loss(images: Tensor) -> Tensor:
            return divergence(clean, self.model(images)).sum()

        worst = ascend(loss, allowed, start, self.options.steps, self.options.step)
        natural, moved = self.loss(logits, labels), divergence(logits, self.model(worst)).mean()
        self.tell(natural=natural, divergence=moved)
        return natural + self.options.beta * moved  # type: ignore[no-any-return]


def divergence(clean: Tensor, moved: Tensor) -> Tensor:
    """KL(softmax(clean) ‖ softmax(moved)) of each sample, in nats, [b] of logits [b, c]; gradients go to both."""
    found: Tensor = F.kl_div(moved.log_softmax(1), clean.log_softmax(1), reduction="none", log_target=True)
    return found.sum(1)


class IntervalLoop(DefenceLoop):
    """kappa · cross-entropy of clean images + (1 - kappa) · cross-entropy of the worst logits that interval bounds allow.

    Source: Gowal et al. 2018, arXiv:1810.12715, eq. 13. eps grows from 0 and kappa falls from 1 over the ramp.
    """

    declared = IntervalOptions
    selects = "certified-accuracy"

    @property
    def ramped(self) -> float:
        warm_up, ramp = self.options.warm_up, self.options.ramp
        return min(1.0, max(0.0, self.done - warm_up) / ramp) if ramp else float(self.done >= warm_up)

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        images, labels = self._placed(inputs), self._placed(targets)
        kappa = 1 - (1 - self.options.kappa) * self.ramped
        network = self.accelerator.unwrap_model(self.model)
        worst = -margin_bounds(network, images, labels, self.options.eps_train * self.ramped)
        natural, bounded = self.loss(self.model(images), labels), self.loss(worst, labels)
        self.tell(natural=natural, bounded=bounded)
        return kappa * natural + (1 - kappa) * bounded  # type: ignore[no-any-return]

    def further_scores(self) -> dict[str, float]:
        held_out, certified = self.job.validation_inputs, 0
        for positions in torch.arange(len(held_out)).split(WATCHED):  # type: ignore[no-untyped-call]
            images, labels = self._placed(held_out.batch(positions)), self._placed(held_out.targets[positions])
            with torch.no_grad():
                bounds = margin_bounds(self.scored_model, images, labels, self.options.eps)
            others = bounds.scatter(1, labels[:, None], float("inf"))
            certified += int((others.amin(1) > 0).sum())
        return {**super().further_scores(), "certified-accuracy": certified / len(held_out)}
