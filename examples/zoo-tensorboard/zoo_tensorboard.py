"""Trainings and runs as curves in TensorBoard: `tensorboard --logdir tensorboard`, or the folder that ZOO_TENSORBOARD names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import hookimpl

if TYPE_CHECKING:
    from zoo.runs import Progress, RunRecord, RunStart
    from zoo.training import TrainingProgress, TrainingRecord, TrainingStart

_writers: dict[str, Any] = {}
"""Of what goes on now, by the key of a training or the id of a run."""


@hookimpl
def zoo_train_started(training: "TrainingStart") -> None:
    name = training.recipe.name.replace("/", "-")
    recipe = training.recipe.model_dump_json(indent=1)
    _writer(training.key, f"train-{name}-{training.key[:8]}").add_text("recipe", f"```\n{recipe}\n```")


@hookimpl
def zoo_train_progress(training: "TrainingStart", progress: "TrainingProgress") -> None:
    if progress.loss is not None:
        step = (progress.epoch - 1) * progress.total + progress.done
        _writers[training.key].add_scalar("loss", progress.loss, step)
    if progress.score is not None:
        _writers[training.key].add_scalar(f"validation/{training.recipe.metric}", progress.score, progress.epoch)


@hookimpl
def zoo_train_finished(record: "TrainingRecord") -> None:
    _writers[record.key].add_scalar("kept epoch", record.epoch, record.epoch)
    _close(record.key)


@hookimpl
def zoo_train_failed(training: "TrainingStart", error: BaseException) -> None:
    _writers[training.key].add_text("failed", f"{type(error).__name__}: {error}")
    _close(training.key)


@hookimpl
def zoo_run_started(run: "RunStart") -> None:
    _of_run(run.run_id, run.model, run.benchmark)


@hookimpl
def zoo_run_progress(run: "RunStart", progress: "Progress") -> None:
    if progress.stage == "predicting":
        _writers[run.run_id].add_scalar("samples done", progress.done, progress.done)


@hookimpl
def zoo_run_finished(record: "RunRecord") -> None:
    writer = _of_run(record.run_id, record.model.name, record.benchmark)  # one that found all done was never started
    for result in record.results:
        ends = {"value": result.value, "ci_low": result.ci_low, "ci_high": result.ci_high}
        for name, value in ends.items():
            if value is not None:
                writer.add_scalar(f"{result.metric}/{name}", value, result.n)
    _close(record.run_id)


@hookimpl
def zoo_run_failed(run: "RunStart", error: BaseException) -> None:
    _writers[run.run_id].add_text("failed", f"{type(error).__name__}: {error}")
    _close(run.run_id)


def _of_run(run_id: str, model: str, benchmark: str) -> Any:
    return _writer(run_id, f"run-{model}-on-{benchmark}-{run_id[:8]}".replace("/", "-"))


def _writer(key: str, name: str) -> Any:
    if key not in _writers:
        from torch.utils.tensorboard import SummaryWriter  # here, so that a listing does not wait for it

        _writers[key] = SummaryWriter(str(Path(os.environ.get("ZOO_TENSORBOARD", "tensorboard")) / name))
    return _writers[key]


def _close(key: str) -> None:
    _writers.pop(key).close()
