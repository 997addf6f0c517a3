"""The trainer of ESPCN: patches of luma, small and large, cut at random from clean pictures that are spoilt on the way."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from zoo.data import Dataset
from zoo.errors import ModelError
from zoo.imaging import Degradation, Degraded, imresize, prepare_image, rgb_to_ycbcr
from zoo.runs import predictions
from zoo.seeds import seed_everything
from zoo.specs import ImageInput
from zoo.tasks import Generate
from zoo.training import (
    Epoch,
    Progress,
    TrainingJob,
    TrainResult,
    build_optimizer,
    build_schedule,
    load_checkpoint,
    save_checkpoint,
)
from zoo_vision.classical import enlarged
from zoo_vision.espcn import ESPCN


def train(job: TrainingJob) -> TrainResult:
    """Train an ESPCN by a recipe; killed at any moment, it goes on after the last finished epoch, bit for bit.

    The recipe's `options`: `patch` the side of a small patch in pixels, `steps` the batches of an epoch, `zoom` the factors by
    which pictures are shrunk beforehand, so that their detail is finer. Patches are mirrored and turned at random.
    """
    return _Training(job).run()


class Picture(NamedTuple):
    """A picture to cut patches from: luma [1, h, w] of the small one, [1, scale·h, scale·w] of bicubic and clean one."""

    small: Tensor
    bicubic: Tensor
    clean: Tensor


@dataclass
class _Training:
    job: TrainingJob
    history: list[Epoch] = field(default_factory=list)
    best_state: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        recipe = self.job.recipe
        self.device = torch.device(self.job.device)
        self.model: ESPCN = self.job.build_model().to(self.device)
        self.steps = int(recipe.options["steps"])
        self.optimizer = build_optimizer(recipe.optimizer, list(self.model.parameters()))
        self.schedule = build_schedule(recipe.schedule, self.optimizer, self.steps * recipe.epochs)
        self.pictures = spoilt(self.job.train, self.model.scale, recipe.options["zoom"], int(recipe.options["patch"]))
        if not self.pictures:
            raise ModelError(
                f"no picture of {recipe.dataset} is large enough for patches of {recipe.options['patch']}", "lower `patch`"
            )

    def run(self) -> TrainResult:
        resumed_from = self._resume()
        for epoch in range(resumed_from + 1, self.job.recipe.epochs + 1):
            self._run_epoch(epoch)
            self._save(epoch)
        best = self._best()
        return TrainResult(self.best_state, best.epoch, best.score, tuple(self.history), resumed_from or None)

    def _run_epoch(self, epoch: int) -> None:
        started = time.perf_counter()
        loss = self._train_epoch(epoch)
        if not math.isfinite(loss):
            raise ModelError(f"{self.job.recipe.name} diverged in epoch {epoch}: the loss is {loss}", "lower its learning rate")
        score = validate(self.job, self.model, self.device)
        self.history.append(Epoch(epoch=epoch, loss=loss, score=score, seconds=time.perf_counter() - started))
        if self._best().epoch == epoch:
            self.best_state = {key: value.detach().cpu().clone() for key, value in self.model.state_dict().items()}
        self.job.report(Progress(epoch, self.job.recipe.epochs, self.steps, self.steps, loss, score))

    def _train_epoch(self, epoch: int) -> float:
        """Mean squared error of luma over the epoch's patches."""
        recipe = self.job.recipe
        generator = torch.Generator().manual_seed(seed_everything(recipe.seed, epoch))
        self.model.train()
        total = torch.zeros((), device=self.device)
        for _ in range(self.steps):
            batch = patches(self.pictures, int(recipe.options["patch"]), recipe.batch_size, self.model.scale, generator)
            small, bicubic, clean = (part.to(self.device) for part in batch)
            loss = F.mse_loss(self.model.luma(small, bicubic), clean)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.schedule.step()
            total += loss.detach()
        return total.item() / self.steps

    def _best(self) -> Epoch:
        best = self.history[0]
        for epoch in self.history:
            best = epoch if self.job.better(epoch.score, best.score) else best
        return best

    def _save(self, epoch: int) -> None:
        states = {name: part.state_dict() for name, part in self._parts().items()}
        history = [entry.model_dump() for entry in self.history]
        content = {"epoch": epoch, "history": history, "best_state": self.best_state, **states}
        save_checkpoint(self.job.folder / "checkpoint.pt", self.job.key, content)

    def _resume(self) -> int:
        """Take up the state of the last finished epoch; returns its number, 0 where training begins."""
        content, why_not = load_checkpoint(self.job.folder / "checkpoint.pt", self.job.key)
        epoch = int(content["epoch"]) if content else 0
        if content:
            for name, part in self._parts().items():
                part.load_state_dict(content[name])
            self.best_state = content["best_state"]
            self.history = [Epoch(**entry) for entry in content["history"]]
        if note := why_not or (f"resumed after epoch {epoch}" if epoch else ""):
            self.job.report(Progress(epoch, self.job.recipe.epochs, 0, self.steps, note=note))
        return epoch

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}


def spoilt(dataset: Dataset, scale: int, zooms: Sequence[float], patch: int) -> list[Picture]:
    """Every picture at every zoom, spoilt as the benchmarks do it; those smaller than a patch are left out."""
    degrade = Degradation(scale=scale)
    found = []
    for position in range(len(dataset.ids)):
        sample = dataset[position]
        for zoom in zooms:
            height, width = (round(zoom * length) for length in sample.input.shape[1:])
            if min(height, width) < scale * patch:
                continue
            clean = prepare_image(imresize(sample.input, (height, width)), ImageInput(channels=3))
            small = degrade(clean, sample.id).image
            bicubic = enlarged(small, scale).clamp(0, 1)
            whole = clean[:, : bicubic.shape[1], : bicubic.shape[2]]
            found.append(Picture(*(rgb_to_ycbcr(image)[:1] for image in (small, bicubic, whole))))
    return found


def patches(
    pictures: Sequence[Picture], side: int, count: int, scale: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """`count` patches of random pictures, large ones more often: [b, 1, side, side], and twice [b, 1, scale·side, scale·side]."""
    areas = torch.tensor([float(picture.small.numel()) for picture in pictures])
    cut: list[list[Tensor]] = [[], [], []]
    for place in torch.multinomial(areas, count, replacement=True, generator=generator).tolist():
        picture = pictures[place]
        height, width = picture.small.shape[1:]
        top = int(torch.randint(height - side + 1, (), generator=generator))
        left = int(torch.randint(width - side + 1, (), generator=generator))
        turn, mirror = torch.randint(4, (2,), generator=generator).tolist()
        for parts, image, factor in zip(cut, picture, (1, scale, scale), strict=True):
            part = image[:, factor * top : factor * (top + side), factor * left : factor * (left + side)]
            part = torch.rot90(part, turn, (1, 2))
            parts.append(part.flip(2) if mirror % 2 else part)
    small, bicubic, clean = (torch.stack(parts) for parts in cut)
    return small, bicubic, clean


def validate(job: TrainingJob, model: ESPCN, device: torch.device) -> float | None:
    """The recipe's metric on the validation pictures, whole and spoilt as a benchmark does it."""
    task = Generate(job.task.model, job.task.data, {"degrade": f"bicubic:{model.scale}"})
    model.eval()

    def network(conditions: Sequence[Degraded], seeds: Sequence[int]) -> Sequence[Tensor]:
        found: Sequence[Tensor] = model(conditions, seeds)  # not the module itself, whose weights a run lays out anew
        return found

    rows = predictions(task, network, job.validation, batch_size=1, device=device)
    states = [job.metric.update(one) for one in rows]
    return job.metric.compute(job.metric.merge_all(states), job.classes).value
