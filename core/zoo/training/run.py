"""Training by name: plan the job, run its trainer under a lock, write weights and record."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.devices import pick_device
from zoo.errors import ModelError, OptionError, PluginError, no_exit
from zoo.home import writing
from zoo.identity.watching import Watch
from zoo.lazy import load_target
from zoo.locking import locked
from zoo.opening.weights import load_state, save_state
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import registry
from zoo.remarks import hearing
from zoo.runs.environment import environment
from zoo.runs.key import doubted, say, seen
from zoo.runs.observing import Observers
from zoo.runs.providers import providers
from zoo.runs.record import Provider
from zoo.specs import RecipeSpec
from zoo.training.checking import check_job
from zoo.training.curves import draw_curves
from zoo.training.job import TrainingJob, TrainingProgress, TrainResult
from zoo.training.launch import launch, threads_of
from zoo.training.plan import Asked, plan_training
from zoo.training.record import TrainingData, TrainingRecord, TrainingStart
from zoo.version import __version__
from zoo.wording import without_secrets

_one_training = threading.RLock()
"""Trainings draw from the global generators from step to step, so a process trains one model at a time."""


@in_plugin()
def train(
    recipe: str | RecipeSpec,
    *,
    output: str | os.PathLike[str] | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    dataset: str | None = None,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    techniques: Sequence[str] = (),
    without: Sequence[str] = (),
    device: str = "auto",
    processes: int = 1,
    resume: bool = True,
    fresh: bool = False,
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainingRecord:
    """Execute a recipe and return the record; weights and record lie below `ZOO_HOME/trained`, and weights at `output` too.

    An interrupted training goes on after its last finished epoch, unless `resume` is off, and ends with the weights that it
    would have had. A finished one is not repeated unless `fresh`. `epochs`, `seed`, `dataset` and `model` replace the recipe's
    own, and so do `overrides` of any other field or part of one: `{"batch_size": 32, "config.width": 16}`. On other data the
    model is built with as many outputs as these have classes. Of the user's own data without a split `train` a fifth of every
    class is held out: `record.dataset.held_out`.

    `techniques` are switched on, such as `["training/bf16", "lamb:trust_clip=true"]`, and those `without` off; an optimizer, a
    schedule or a precision takes the place of the recipe's.

    Several `processes`, on CPUs or a GPU each, have a share of every batch, by the technique of kind parallel, or else data
    parallel. Their number is no part of the key: the mathematics is one process's, but for batch norms, and draws of a network
    or its loss, and an interrupted training goes on with any number. Where the record says that it differs, or does not know,
    a finished training of another number is not taken for this one.

    Raises ZooError, before the first step where data, model and recipe do not go together: RunError where another process trains
    the same, ModelError where training diverges.
    """
    if dataset is not None and without_secrets(dataset) != dataset:
        hint = "log in as the scheme's own tools do, or copy the data here first"
        raise OptionError(f"weights and record of a training would tell the secrets of {dataset}", hint)
    entries = registry()
    spec = entries.recipe(recipe) if isinstance(recipe, str) else recipe
    copy_to = _checked_output(output)
    named = (("epochs", epochs), ("seed", seed), ("dataset", dataset), ("model", model))
    changes = {**(overrides or {}), **{name: value for name, value in named if value is not None}}
    observers = Observers(entries, "train", "training")
    with hearing(None) as remarks:
        watched = observers.watched(progress)
        asked = Asked(changes, str(pick_device(device)), data_dir, watched, techniques, without, processes)
        job = plan_training(entries, spec, asked)
    with locked(job.folder, f"training {job.recipe.name}", "wait for it to end; its result is then found at once"):
        doubt = (job.code.doubt if job.code else "") or seen(job.folder)
        if doubt:
            say(doubt, "training")
        record = None if fresh or doubt else finished_training(job.folder)
        if record is not None and record.processes != processes and record.differs != "":
            record = None
        if record is None:
            if fresh or doubt or not resume:
                (job.folder / "checkpoint.pt").unlink(missing_ok=True)
            watch = watch_over(job)
            with observers.failing():
                with hearing(remarks):
                    check_job(job, entries.dataset(job.recipe.dataset))
                    observers.started(_start(job))
                    result = launch(spec, asked, job, watch) if processes > 1 else trained(job, watch)
                doubt = doubted(job.folder, watch.doubt(), doubt, "training")
                record = _finish(job, result, changes, doubt, tuple(remarks))
            observers.tell("finished", record=record)
        if copy_to is not None:
            with writing(copy_to) as temporary:
                temporary.write_bytes((job.folder / "weights.safetensors").read_bytes())
    return record


def trained(job: TrainingJob, watch: Watch) -> TrainResult:
    """What the recipe's trainer makes of the job, watched."""
    who = f"the trainer of {job.recipe.name}"
    with _one_training, watch, no_exit(who), in_plugin(job.recipe.name, who):
        result = load_target(job.recipe.trainer)(job)
        if not isinstance(result, TrainResult):
            hint = f"a trainer returns zoo.training.TrainResult: see {job.recipe.trainer}"
            raise PluginError(f"the trainer of {job.recipe.name} returned {type(result).__name__}", hint)
    return result


def _start(job: TrainingJob) -> TrainingStart:
    return TrainingStart(
        key=job.key,
        recipe=job.recipe,
        dataset=job.task.data.name,
        trained_on=len(job.train.ids),
        validated_on=len(job.validation.ids),
        device=job.device,
        processes=job.processes,
    )


def finished_training(folder: Path) -> TrainingRecord | None:
    """The record in a folder, if the training is finished and its weights are there, unaltered."""
    weights = folder / "weights.safetensors"
    try:
        record = TrainingRecord.model_validate_json((folder / "training.json").read_bytes())
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None
    paths = {"weights": str(weights), "curves": str(folder / "curves.png") if record.curves else ""}
    return record.model_copy(update=paths) if found == record.weights_sha256 else None


def watch_over(job: TrainingJob) -> Watch:
    """What looks on while the trainer works. It draws from generators that it has seeded, and reads its own checkpoints."""
    known = {f"{os.path.realpath(job.folder)}{os.sep}", *(job.code.files if job.code else ())}
    known.update(path for other in getattr(job, "aux", {}).values() for path in other.files)
    return Watch(known, draws=False)


def _finish(
    job: TrainingJob, result: TrainResult, overrides: dict[str, Any], doubt: str, remarks: tuple[str, ...]
) -> TrainingRecord:
    """Write weights and curves, then the record, then drop the checkpoint: a death in between is made good by resuming."""
    if result.score is None:
        raise ModelError(
            f"{job.recipe.metric} is not defined on the validation samples after any epoch, so none could be selected",
            "train longer, or give the recipe another metric",
        )
    load_state(job.build_model(), result.state, f"{job.model.name}, whose trainer returned them")
    weights = job.folder / "weights.safetensors"
    sha256 = save_state(weights, result.state, _metadata(job))
    curves = job.folder / "curves.png"
    with writing(curves) as temporary:
        draw_curves(result.history, job.recipe.metric).save(temporary, format="PNG")
    data = job.task.data
    kept = next((epoch for epoch in result.history if epoch.epoch == result.epoch and epoch.interval), None)
    interval = kept.model_dump(include={"ci_low", "ci_high", "interval"}) if kept else job.interval_of(result.score)
    record = TrainingRecord(
        key=job.key,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        recipe=job.recipe,
        overrides=overrides,
        dataset=TrainingData(
            name=data.name,
            split=data.split,
            fingerprint=job.fingerprint,
            trained_on=len(job.train.ids),
            validated_on=len(job.validation.ids),
            held_out=job.held_out,
            scored_on=job.scored_on,
        ),
        history=result.history,
        epoch=result.epoch,
        score=result.score,
        **interval,
        weights=str(weights),
        weights_sha256=sha256,
        curves=str(curves),
        steps=result.steps,
        cost=result.cost,
        device=job.device,
        threads=threads_of(job.processes),
        processes=job.processes,
        parallel=job.techniques.name_of("parallel"),
        differs=result.differs,
        seconds=sum(epoch.seconds for epoch in result.history),
        resumed_from=result.resumed_from,
        environment=environment(),
        providers=_providers(job),
        doubt=doubt,
        remarks=remarks,
    )
    with writing(job.folder / "training.json") as temporary:
        temporary.write_text(record.model_dump_json(indent=1))
    (job.folder / "checkpoint.pt").unlink(missing_ok=True)
    return record


def _providers(job: TrainingJob) -> tuple[Provider, ...]:
    """The distributions of a training's recipe, model, dataset, metric and techniques."""
    recipe = job.recipe
    metric = registry().metric(recipe.metric).name
    named = [("recipe", recipe.name), ("model", job.model.name), ("dataset", job.task.data.name), ("metric", metric)]
    techniques = [("technique", one.spec.name) for one in job.techniques.each]
    return providers([*named, *techniques, *([("benchmark", recipe.benchmark)] if recipe.benchmark else [])])


def _metadata(job: TrainingJob) -> dict[str, str]:
    """What stands beside the tensors, so that the file alone can be run: `zoo run MODEL --weights FILE`."""
    recipe = job.recipe
    metadata = {
        "recipe": recipe.name,
        "model": job.model.name,
        "dataset": recipe.dataset,
        "seed": str(recipe.seed),
        "classes": json.dumps(job.classes),
        "config": json.dumps(recipe.config, sort_keys=True),
        "deepzoo": __version__,
    }
    if job.held_out:
        metadata["held_out"] = json.dumps(job.held_out)
    return metadata | ({"input": recipe.input.model_dump_json()} if recipe.input else {})


def _checked_output(output: str | os.PathLike[str] | None) -> Path | None:
    """The path to copy the weights to, found unusable before training rather than after it."""
    if output is None:
        return None
    path = Path(output)
    if path.suffix != ".safetensors" or path.is_dir():
        raise OptionError(f"cannot write weights to {path}", "name a file that ends in .safetensors")
    with writing(path.with_name(f".{path.name}.probe")) as probe:
        probe.touch()
    path.with_name(f".{path.name}.probe").unlink()
    return path
