"""Evaluating: plan, compute the missing shards, fold all of them into scores, write the record."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zoo.errors import OptionError
from zoo.plugins.catalogue import load_catalogue
from zoo.plugins.registry import Registry, registry
from zoo.runs.computing import How, compute_missing, observe
from zoo.runs.figures import check_figures, save_figures
from zoo.runs.folding import check_scored, fold
from zoo.runs.locking import locked
from zoo.runs.plan import Request, plan_run
from zoo.runs.predicting import pick_device
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.record import RunRecord
from zoo.runs.recording import make_record
from zoo.runs.store import Store

if TYPE_CHECKING:
    from zoo.specs import ImageInput


def evaluate(
    model: Any,
    benchmark: str | None = None,
    *,
    task: str | None = None,
    device: str = "auto",
    precision: str = "fp32",
    batch_size: int | str = "auto",
    workers: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: int = 0,
    fresh: bool = False,
    weights: str | os.PathLike[str] | None = None,
    allow_pickle: bool = False,
    metrics: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    protocol: Mapping[str, Any] | None = None,
    aux: Mapping[str, Any] | None = None,
    classes: Sequence[str] | str | None = None,
    input: "ImageInput | None" = None,
    key: str | None = None,
    name: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    save_figures: int = 0,
    progress: ProgressCallback | None = None,
) -> RunRecord:
    """Run a model on a benchmark and return the record, which is also in the store.

    `model` is a name (`cnn/lenet5@mnist`), what `zoo.load` returned, or any `nn.Module` or callable of your own; for the
    latter `classes` names its outputs ("dataset": those of the dataset, in order), `input` its preprocessing, and `name` it
    in records. Its predictions are used again only under a `key`, which stands for whatever it reads beside its tensors, its
    attributes and the source files of its classes; those are hashed all the same. `benchmark` is the name of a benchmark or
    a dataset; `task` says which is meant where the model has several ("embed" of a classifier's features).
    `options` are the model's own; `protocol` replaces settings of the benchmark's, such as an attack's eps; `aux` gives the
    other models that it needs by role, each a name or a module of your own: `aux={"victim": net}`. `classes`, `input`,
    `key` and `name` then describe that module.

    Finished shards of the same run are reused unless `fresh`. `batch_size` "auto" picks one and halves it when memory
    runs out. `limit` takes the first samples only, `skip_bad` allows so many corrupt ones. `metrics` are scored beside
    the benchmark's own. `precision` fp32, bf16 or fp16 (autocast) is never lowered unasked. `workers` threads load samples.
    `save_figures` draws the first so many predictions into the run's folder, where the task can draw.

    Raises ZooError: what is wrong and what to do next. Where no metric has a value that is NotScoredError: the predictions are
    kept, but there is no record.
    """
    request = Request(
        model=model,
        benchmark=benchmark,
        task=task,
        weights=Path(weights) if weights else None,
        allow_pickle=allow_pickle,
        classes=classes,
        input=input,
        key=key,
        name=name,
        options=options,
        protocol=protocol,
        aux=aux,
        metrics=tuple(metrics or ()),
        limit=limit,
        seed=seed,
        precision=precision,
        data_dir=data_dir,
    )
    for name, number in (("workers", workers), ("skip_bad", skip_bad)):
        if number is not None and number < 0:
            raise OptionError(f"{name} must be at least 0, not {number}")
    how = How(device, _checked_batch_size(batch_size), workers, skip_bad, fresh, save_figures, progress)
    return _run(registry(), request, how)


def _run(entries: Registry, request: Request, how: How) -> RunRecord:
    started = time.perf_counter()
    store = Store()
    device = pick_device(how.device)
    plan = plan_run(entries, request, lambda done, total: how.tell(Progress("downloading", done, total or 0)))
    check_figures(type(plan.task), how.figures)
    catalogue = load_catalogue()
    run_id = uuid4().hex[:16]
    with locked(plan):
        computed = compute_missing(entries, plan, how, device, run_id)
        how.tell(Progress("scoring", plan.samples, plan.samples))
        results, artifacts = fold(plan)
        check_scored(plan, results)
        artifacts += save_figures(plan, how.figures)
    seconds = time.perf_counter() - started
    record = make_record(plan, run_id, computed, device, results, artifacts, catalogue, seconds)
    store.add(record)
    observe(entries, "zoo_run_finished", record=record)
    return record


def _checked_batch_size(batch_size: int | str) -> int | None:
    """A number, or None for `auto`."""
    if batch_size == "auto":
        return None
    if not str(batch_size).isdecimal() or int(batch_size) < 1:
        raise OptionError(f"batch size {batch_size!r} is not a number of at least 1, nor auto", "leave it out, and it is found")
    return int(batch_size)
