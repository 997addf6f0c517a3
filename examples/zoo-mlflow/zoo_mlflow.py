"""Trainings and runs in MLflow, where MLFLOW_TRACKING_URI says; the experiment is that of MLFLOW_EXPERIMENT_NAME, or deepzoo."""

import os
import re
from typing import TYPE_CHECKING, Any

from zoo import hookimpl

if TYPE_CHECKING:
    from zoo.runs import Progress, RunRecord, RunStart
    from zoo.training import TrainingProgress, TrainingRecord, TrainingStart

_open: dict[str, str] = {}
"""MLflow's run of what goes on now, by the key of a training or the id of a run."""


@hookimpl
def zoo_train_started(training: "TrainingStart") -> None:
    recipe = training.recipe
    run = _begin(training.key, f"train {recipe.name}", {"key": training.key, "dataset": training.dataset})
    told = {"model": recipe.model, "epochs": recipe.epochs, "batch_size": recipe.batch_size, "seed": recipe.seed}
    told |= {
        "optimizer": recipe.optimizer.name,
        "lr": recipe.optimizer.lr,
        "schedule": recipe.schedule,
        "device": training.device,
    }
    for name, value in told.items():
        _client().log_param(run, name, value)


@hookimpl
def zoo_train_progress(training: "TrainingStart", progress: "TrainingProgress") -> None:
    run = _open[training.key]
    if progress.loss is not None:
        _client().log_metric(run, "loss", progress.loss, step=(progress.epoch - 1) * progress.total + progress.done)
    if progress.score is not None:
        _client().log_metric(run, f"validation/{_name(training.recipe.metric)}", progress.score, step=progress.epoch)


@hookimpl
def zoo_train_finished(record: "TrainingRecord") -> None:
    run = _open[record.key]
    _client().log_metric(run, f"kept/{_name(record.recipe.metric)}", record.score, step=record.epoch)
    _client().set_tag(run, "weights_sha256", record.weights_sha256)
    _end(record.key)


@hookimpl
def zoo_train_failed(training: "TrainingStart", error: BaseException) -> None:
    _fail(training.key, error)


@hookimpl
def zoo_run_started(run: "RunStart") -> None:
    _of_run(run.run_id, run.model, run.benchmark)


@hookimpl
def zoo_run_progress(run: "RunStart", progress: "Progress") -> None:
    if progress.stage == "predicting":
        _client().log_metric(_open[run.run_id], "samples_done", progress.done, step=progress.done)


@hookimpl
def zoo_run_finished(record: "RunRecord") -> None:
    run = _of_run(record.run_id, record.model.name, record.benchmark)  # one that found all done was never started
    for name, value in {"device": record.execution.device, "precision": record.execution.precision}.items():
        _client().log_param(run, name, value)
    for result in record.results:
        ends = {"": result.value, "/ci_low": result.ci_low, "/ci_high": result.ci_high}
        for end, value in ends.items():
            if value is not None:
                _client().log_metric(run, _name(result.metric) + end, value)
    _end(record.run_id)


@hookimpl
def zoo_run_failed(run: "RunStart", error: BaseException) -> None:
    _fail(run.run_id, error)


def _client() -> Any:
    from mlflow import MlflowClient  # here, so that a listing does not wait for it

    return MlflowClient()


def _of_run(run_id: str, model: str, benchmark: str) -> str:
    return _begin(run_id, f"{model} on {benchmark}", {"run": run_id, "model": model, "benchmark": benchmark})


def _begin(key: str, title: str, tags: dict[str, str]) -> str:
    if key not in _open:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "deepzoo")
        known = _client().get_experiment_by_name(name)
        experiment = known.experiment_id if known else _client().create_experiment(name)
        _open[key] = _client().create_run(experiment, run_name=title, tags=tags).info.run_id
    return _open[key]


def _end(key: str, status: str = "FINISHED") -> None:
    _client().set_terminated(_open.pop(key), status)


def _fail(key: str, error: BaseException) -> None:
    _client().set_tag(_open[key], "error", f"{type(error).__name__}: {error}")
    _end(key, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")


def _name(metric: str) -> str:
    """A metric's name in letters that MLflow bears."""
    return re.sub(r"[^\w\-. :/]", "_", metric)
