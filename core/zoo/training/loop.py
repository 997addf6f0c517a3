"""The default trainer: a PyTorch model, epoch by epoch, on accelerate. Killed at any moment, it resumes bit for bit."""

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, OptionError
from zoo.seeds import derived_seed, seed_everything
from zoo.training.augment import build_augment
from zoo.training.costs import Costs
from zoo.training.differing import noticing
from zoo.training.job import Epoch, TrainingJob, TrainingProgress, TrainResult, cut, placed
from zoo.training.memory_advice import advising
from zoo.training.optim import build_loss, moving_average, scheduled
from zoo.training.prepared import draw_batches
from zoo.training.resuming import resume_loop, save_loop
from zoo.training.team import Team
from zoo.training.techniques import PLAIN
from zoo.training.trace import Trace
from zoo.turns import turn

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Generator, Tensor, nn

REPORT_EVERY = 20
"""Batches between two reports; only there does a GPU have to wait for the loss."""


HOPELESS = 40
"""Updates that were skipped one after the other: a scale of 65,536 that was halved so often leaves nothing to scale down."""


def train(job: TrainingJob) -> TrainResult:
    """Train the recipe's model, validating after every epoch; the best epoch's weights win, the earliest of equals.

    Raises ModelError where the model is no `nn.Module` or diverges, OptionError where the recipe asks for what is not there.
    """
    return Loop(job).run()


class Loop:
    """Model, optimizer, schedule and history between two epochs. An epoch's randomness follows from its number alone.

    A trainer of another task is a subclass with a loss, or a step, of its own.
    """

    def __init__(self, job: TrainingJob) -> None:
        recipe = job.recipe
        self.job = job
        self.team = Team(job)
        self.data = self.build_data()
        self.augment = build_augment(recipe.augment, job.task.data.modality)
        self.accelerator = _accelerator(job.device, job.techniques.one("precision").accelerator(job.device))
        model = _module(job)
        self.average = moving_average(model, recipe.ema) if recipe.ema else None
        self.loss = self.build_loss().to(self.accelerator.device)
        self.memory = job.techniques.of("memory")
        for technique in self.memory:  # after the average is copied, which is never trained
            technique.apply(model)
        self.team.check(self, model)
        self.team.distribute(model.to(self.accelerator.device))
        self.team.check_divided(self, model)
        self.parts(recipe.batch_size)
        self.learnt = [p for part in (model, self.loss) for p in part.parameters() if p.requires_grad]
        build = job.techniques.one("optimizer").build
        optimizer = self.team.optimizer(lambda parameters: build(parameters, recipe.optimizer), self.learnt)
        self.batches = math.ceil(len(self.data) / recipe.batch_size)
        scale = math.prod(technique.rate(recipe.batch_size) for technique in job.techniques.of("data"))
        schedule = scheduled(job.techniques.one("schedule"), optimizer, self.batches * recipe.epochs, scale)
        placing = [True, False, True]  # the optimizer is of parameters that are where they belong, and may be divided
        self.model, self.optimizer, self.schedule = self.accelerator.prepare(model, optimizer, schedule, device_placement=placing)
        self.compilers = job.techniques.of("compiler")
        for technique in self.compilers:
            technique.apply(self.accelerator.unwrap_model(self.model))
        if self.average:
            self.average.module.to(self.accelerator.device)
        self.done = 0.0
        """Share of all optimizer steps that are taken, for a loss that changes as training goes on."""
        self.history: list[Epoch] = []
        self.best_state: dict[str, Tensor] = {}
        self.differs: str | None = None
        """Why the weights depend on the number of processes beyond rounding; None before the first step."""
        self._own: Generator | None = None
        """Of several processes each one's own, for what their losses draw."""
        self._whole = self.accelerator.unwrap_model(self.model)
        self._told: dict[str, list[Tensor]] = {}
        self.costs = Costs(self)
        self.trace = Trace(self.batches * recipe.epochs)

    def run(self) -> TrainResult:
        """Train from where a checkpoint stands to the last epoch."""
        if self.job.started is not None:
            self.job.started(self)
        resumed_from = self.resume()
        for epoch in range(resumed_from + 1, self.job.recipe.epochs + 1):
            self.run_epoch(epoch)
            self.save(epoch)
        cost = self.costs.summed()
        if not self.team.first:
            return TrainResult({}, 0, None, ())
        return TrainResult(
            self.best_state,
            self.best.epoch,
            self.best.score,
            tuple(self.history),
            resumed_from or None,
            cost,
            self.differs,
            self.trace.curve(),
        )

    def build_data(self) -> Any:
        """The samples to train on, behind the interface of `Prepared`. A trainer that makes its own batches has its own."""
        return self.job.train_inputs

    def build_loss(self) -> "nn.Module":
        """What is minimised, of the model's outputs and the targets of a batch. A trainer of another task has its own.

        Parameters of its own are trained with the model's, and left behind at the end.
        """
        return build_loss(self.job.recipe, self.data.targets, len(self.job.classes))

    def draw(self, generator: "Generator") -> "list[Tensor]":
        """Positions of each batch of an epoch. A trainer that samples in its own manner has its own."""
        return draw_batches(len(self.data), self.job.recipe.batch_size, self.data.costs, generator)

    @property
    def best(self) -> Epoch:
        """The epoch with the best score, the earliest of equals."""
        best = self.history[0]
        for epoch in self.history:
            best = epoch if self.job.better(self.merit(epoch), self.merit(best)) else best
        return best

    def merit(self, epoch: Epoch) -> float | None:
        """What selects the epoch whose weights are kept, in the direction of the recipe's metric: its score.

        A trainer that selects by one of its further scores has its own.
        """
        return epoch.score

    @property
    def scored_model(self) -> Any:
        """The model that is validated and kept: the moving average, where there is one. Whole, also where training divides it."""
        return self.average.module if self.average else self._whole

    def run_epoch(self, epoch: int) -> None:
        """Train on every sample once, validate, and keep the state if it is the best so far."""
        started = time.perf_counter()
        loss = self._train_epoch(epoch)
        means = {name: float(self.team.summed(sum(told[1:], told[0]))) / len(told) for name, told in self._told.items()}
        losses = {name: mean / self.team.size for name, mean in means.items()}
        network = self.accelerator.unwrap_model(self.model)
        self.team.same(network.buffers())
        self._whole = self.team.whole(network)
        if not self.team.first:  # which trains on, and waits there
            self.history.append(Epoch(epoch=epoch, loss=loss, score=None, seconds=time.perf_counter() - started))
            return
        score, scores = self.validate(), self.further_scores()
        seconds = time.perf_counter() - started
        told = {"losses": losses, "scores": scores, **self.job.interval_of(score)}
        self.history.append(Epoch(epoch=epoch, loss=loss, score=score, seconds=seconds, **told))
        if self.best.epoch == epoch:
            self.best_state = {key: value.detach().cpu().clone() for key, value in self.scored_model.state_dict().items()}
        self.job.report(TrainingProgress(epoch, self.job.recipe.epochs, self.batches, self.batches, loss, score))

    def _train_epoch(self, epoch: int) -> float:
        import torch

        recipe = self.job.recipe
        generator = torch.Generator().manual_seed(seed_everything(recipe.seed, epoch))
        if self.team.size > 1:  # each process has other samples, and what a network or a loss draws for them is its own
            own = derived_seed(recipe.seed, f"{epoch}/{self.team.rank}")
            torch.manual_seed(own)
            self._own = torch.Generator().manual_seed(own)
        self.model.train()
        self._told = {}
        total, seen = torch.zeros((), device=self.accelerator.device), 0
        drawn = self.draw(generator)
        for number, (indices, inputs) in enumerate(self.data.batches(drawn), 1):
            step = (epoch - 1) * self.batches + number
            self.done = (step - 1) / (self.batches * recipe.epochs)
            rate = self.optimizer.param_groups[0]["lr"]
            with turn(), self.costs.step(len(indices)), advising(self, inputs, self.data.targets[indices], generator):
                loss = self._step(inputs, self.data.targets[indices], step, generator)
            self.trace.take(self.team.summed(loss), rate)
            total += loss * len(indices)
            seen += len(indices)
            if number % REPORT_EVERY == 0 or number == len(drawn):
                mean = self.team.summed(total).item() / seen
                self._check_progress(mean, epoch)
                self.job.report(TrainingProgress(epoch, recipe.epochs, number, len(drawn), mean))
        return mean

    def _check_progress(self, loss: float, epoch: int) -> None:
        """Raises ModelError where training goes nowhere: no finite loss, or no update that was not skipped."""
        recipe, skipped, steps = self.job.recipe, self.costs.skipped, len(self.costs.seconds)
        precise = [one.spec.name for one in self.job.techniques.each if one.spec.kind == "precision" and one.spec.name != PLAIN]
        other = f", or leave {precise[0]} out" if precise else ""
        if not math.isfinite(loss):
            also = f", and {skipped:,} of {steps:,} updates were skipped" if skipped else ""
            raise ModelError(
                f"{recipe.name} diverged in epoch {epoch}: the loss is {loss}{also}",
                f"lower the learning rate ({recipe.optimizer.lr:g}) or set clip_norm{other}",
            )
        if skipped == steps >= HOPELESS:
            raise ModelError(
                f"{recipe.name} learns nothing: all {steps:,} updates so far were skipped, since scaled gradients overflowed",
                f"set clip_norm{other}; training/bf16 has the range of float32, and scales nothing",
            )

    def _step(self, inputs: Any, targets: "Tensor", step: int, generator: "Generator") -> "Tensor":
        """One optimizer step; returns this process's part of the batch's mean loss, detached: all of it, of one alone."""
        if self.augment:
            inputs = self.augment(inputs, generator)
        own = self._own or generator
        self.costs.rehearse(inputs, targets, own)
        loss = self.backward(inputs, targets, own)
        if self.job.recipe.clip_norm:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.job.recipe.clip_norm)
        self.costs.before_update()
        self.optimizer.step()
        self.costs.after_update()
        self.schedule.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update(self.accelerator.unwrap_model(self.model), step)
        return loss

    def backward(self, inputs: Any, targets: "Tensor", generator: "Generator") -> "Tensor":
        """Gradients of a batch's mean loss, of which each process takes its share, part by part where a technique says so.

        Returns this process's part of the loss, detached.
        """
        import torch

        batch = len(targets)
        total = torch.zeros((), device=self.accelerator.device)
        with noticing(self, generator):
            for start, stop, share in self._pieces(batch):
                some = inputs if stop - start == batch else cut(inputs, start, stop)
                total += self._backward(some, targets[start:stop], share, generator)
        self.team.reduce(self.learnt)
        return total

    def _pieces(self, batch: int) -> list[tuple[int, int, float]]:
        """Where pieces begin and end that go through this process's network one after another, and their share of a batch."""
        start, stop = self.team.share(batch)
        if start == stop:  # all take part in what is exchanged, so the first sample goes through without weight
            return [(0, 1, 0.0)]
        parts = self.parts(stop - start)
        edges = [start + round((stop - start) * part / parts) for part in range(parts + 1)]
        return [(first, last, (last - first) / batch) for first, last in pairwise(edges)]

    def _backward(self, inputs: Any, targets: "Tensor", share: float, generator: "Generator") -> "Tensor":
        loss = self.autocast_loss(inputs, targets, generator) * share
        self.accelerator.backward(loss)
        return loss.detach()

    def autocast_loss(self, inputs: Any, targets: "Tensor", generator: "Generator") -> "Tensor":
        """`batch_loss` in the precision of the training, also of what it calls of the network beside its forward."""
        with self.accelerator.autocast():
            return self.batch_loss(inputs, targets, generator)

    def parts(self, batch: int) -> int:
        """In how many parts a batch goes through the network: as many as one of the recipe's size, but none is without samples.

        Raises OptionError where its loss is no mean over its samples.
        """
        parts = math.prod(int(technique.parts(self.job.recipe.batch_size)) for technique in self.memory)
        if parts > 1 and not self.separable:
            raise OptionError(
                f"{self.job.recipe.name} compares the samples of a batch with each other, so a batch cannot go in parts",
                "leave gradient accumulation out, and lower `batch_size`",
            )
        return min(parts, batch)

    @property
    def separable(self) -> bool:
        """Whether the loss of a batch is the mean of those of its samples. A trainer of another loss says so itself."""
        return self.job.recipe.class_weights == "none"

    @property
    def divisible(self) -> bool:
        """Whether calls alone touch the network, so that a technique may divide its parameters and gather them around a call.

        A trainer with a loss or a start of its own says so itself.
        """
        own = type(self)
        unchanged = own.__init__ is Loop.__init__ and own.batch_loss is Loop.batch_loss
        return unchanged and not list(self.loss.parameters())

    def batch_loss(self, inputs: Any, targets: "Tensor", generator: "Generator") -> "Tensor":
        """The mean loss of a batch, with gradients; all its randomness comes from the generator, which is on the CPU."""
        loss: Tensor = self.loss(self.model(self._placed(inputs)), self._placed(targets))
        return loss

    def tell(self, **losses: "Tensor") -> None:
        """Keep parts of a batch's loss by name: their means over the epoch's batches stand in the training's record."""
        for name, value in losses.items():
            self._told.setdefault(name, []).append(value.detach())

    def validate(self) -> float | None:
        """The recipe's metric of `scored_model` on the validation split, computed as written: so it is scored later, too."""
        with self.as_written():
            return self.job.validate(self.scored_model.eval())

    def as_written(self) -> "AbstractContextManager[Any]":
        """Within the block a network is computed as it is written, also where it is compiled."""
        import torch

        return torch.compiler.set_stance("force_eager") if self.compilers else nullcontext()

    def further_scores(self) -> dict[str, float]:
        """What else is measured on validation samples after an epoch, by name, beside the recipe's metric: nothing.

        It stands in the training's record and is drawn with the score. A trainer that measures more has its own.
        """
        return {}

    def _placed(self, inputs: Any) -> Any:
        return placed(inputs, self.accelerator.device)

    def save(self, epoch: int) -> None:
        """Write the state after an epoch, in place of that of the epoch before."""
        save_loop(self, epoch)

    def resume(self) -> int:
        """Take up the state of the last finished epoch; returns its number, 0 where training begins."""
        return resume_loop(self)


def _module(job: TrainingJob) -> Any:
    from torch import nn

    model = job.build_model()
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"{job.model.name} is {type(model).__name__}, not a torch.nn.Module, so the default trainer cannot train it",
            f"let the recipe {job.recipe.name} name a trainer of its own",
        )
    return model


def _accelerator(device: str, settings: Mapping[str, Any]) -> "Accelerator":
    """A fresh accelerator of one process; accelerate keeps its first settings for the whole process otherwise."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    kind, _, index = device.partition(":")
    AcceleratorState._reset_state(reset_partial_state=True)
    if kind == "cuda":
        torch.cuda.set_device(int(index or 0))  # accelerate takes the current one
    accelerator = Accelerator(cpu=kind == "cpu", **settings)
    if accelerator.num_processes > 1:
        raise OptionError("this trainer runs in one process", "ask for `processes`, and start it without a launcher")
    return accelerator
