"""Evaluating: plan, compute the missing shards, fold all of them into scores, write the record."""

import json
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zoo.catalogue import load_catalogue
from zoo.errors import DataError, OptionError
from zoo.home import writing
from zoo.lookup import Registry, registry
from zoo.models import Model
from zoo.runs.environment import environment, peak_memory_mib
from zoo.runs.figures import check_figures, save_figures
from zoo.runs.folding import check_results, fold
from zoo.runs.loading import auto_batch_size, default_workers, load_batches
from zoo.runs.locking import locked
from zoo.runs.plan import Plan, Request, plan_run
from zoo.runs.predicting import Predictor, ShardRows, on_device, pick_device
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.record import Artifact, Cost, DataRecord, Execution, ModelInfoRecord, RunRecord, RunStart, Shards
from zoo.runs.shards import Shard, read_shard, write_shard
from zoo.runs.store import Store

if TYPE_CHECKING:
    from zoo.specs import ImageInput


def evaluate(
    model: Any,
    benchmark: str | None = None,
    *,
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
    data_dir: str | os.PathLike[str] | None = None,
    save_figures: int = 0,
    progress: ProgressCallback | None = None,
) -> RunRecord:
    """Run a model on a benchmark and return the record, which is also in the store.

    `model` is a name (`cnn/lenet5@mnist`), what `zoo.load` returned, or any `nn.Module` or callable of your own; for the
    latter `classes` names its outputs ("dataset": those of the dataset, in order), `input` its preprocessing, and `key`
    its identity, where hashing state and source is not wanted. `benchmark` is the name of a benchmark or a dataset.
    `options` are the model's own; `protocol` replaces settings of the benchmark's, such as an attack's eps; `aux` gives the
    other models that it needs by role, each a name or a module of your own: `aux={"victim": net}`. `classes`, `input` and
    `key` then describe that module.

    Finished shards of the same run are reused unless `fresh`. `batch_size` "auto" picks one and halves it when memory
    runs out. `limit` takes the first samples only, `skip_bad` allows so many corrupt ones. `metrics` are scored beside
    the benchmark's own. `precision` fp32, bf16 or fp16 (autocast) is never lowered unasked. `workers` threads load samples.
    `save_figures` draws the first so many predictions into the run's folder, where the task can draw.

    Raises ZooError: what is wrong and what to do next.
    """
    request = Request(
        model=model,
        benchmark=benchmark,
        weights=Path(weights) if weights else None,
        allow_pickle=allow_pickle,
        classes=classes,
        input=input,
        key=key,
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


@dataclass(frozen=True)
class How:
    """How to run; none of it changes the predictions beyond rounding."""

    device: str
    batch_size: int | None
    workers: int | None
    skip_bad: int
    fresh: bool
    figures: int
    progress: ProgressCallback | None

    def tell(self, step: Progress) -> None:
        """Report progress, if anybody wants to know."""
        if self.progress is not None:
            self.progress(step)


@dataclass
class Computed:
    """What the invocation did."""

    shards: Shards
    skipped: dict[str, str] = field(default_factory=dict)
    samples: int = 0
    seconds: float = 0.0
    batch_size: int | None = None
    workers: int = 0


def _run(entries: Registry, request: Request, how: How) -> RunRecord:
    started = time.perf_counter()
    store = Store()
    device = pick_device(how.device)
    plan = plan_run(entries, request, lambda done, total: how.tell(Progress("downloading", done, total or 0)))
    check_figures(type(plan.task), how.figures)
    catalogue = load_catalogue()
    run_id = uuid4().hex[:16]
    with locked(plan):
        computed = _compute_missing(entries, plan, how, device, run_id)
        how.tell(Progress("scoring", plan.samples, plan.samples))
        results, artifacts = fold(plan)
        artifacts += save_figures(plan, how.figures)
    whole = request.limit is None and not computed.skipped and not plan.altered
    record = RunRecord(
        run_id=run_id,
        key=plan.key,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        task=plan.task.name,
        benchmark=plan.benchmark.name,
        protocol=_protocol(plan),
        altered=plan.altered,
        model=_model_record(plan.model),
        aux={role: _model_record(other) for role, other in plan.aux.items()},
        dataset=_data_record(plan, computed),
        results=tuple(results),
        checks=tuple(check_results(plan, results, catalogue)) if whole else (),
        shards=computed.shards,
        execution=_execution(plan, computed, device),
        environment=environment(),
        cost=_cost(computed, time.perf_counter() - started),
        artifacts=tuple(Artifact(path=path, sha256=sha256) for path, sha256 in artifacts),
    )
    store.add(record)
    _observe(entries, "zoo_run_finished", record=record)
    return record


def _compute_missing(entries: Registry, plan: Plan, how: How, device: Any, run_id: str) -> Computed:
    """Compute the shards that are not there, one file each, in order."""
    shards = plan.shards()
    for left in (plan.folder / "shards").glob(".*.tmp"):  # of a process that was killed while it wrote
        left.unlink(missing_ok=True)
    found = (
        {} if how.fresh else {s.index: kept for s in shards if (kept := read_shard(s, plan.key, plan.ids(s), plan.task.schema))}
    )
    missing = [shard for shard in shards if shard.index not in found]
    done = Computed(Shards(total=len(shards), computed=len(missing), reused=len(found)))
    for _, skipped in found.values():
        done.skipped.update(skipped)
    _check_skipped(plan, done.skipped, how.skip_bad)
    if missing:
        with writing(plan.folder / "manifest.json") as temporary:
            temporary.write_text(json.dumps(plan.manifest, indent=1, sort_keys=True), encoding="utf-8")
        start = RunStart(
            run_id=run_id,
            key=plan.key,
            model=plan.model.info.name,
            benchmark=plan.benchmark.name,
            samples=plan.samples,
            shards=done.shards,
        )
        _observe(entries, "zoo_run_started", run=start)
        _compute(plan, how, device, missing, done)
    return done


def _compute(plan: Plan, how: How, device: Any, missing: Sequence[Shard], done: Computed) -> None:
    reused = plan.samples - sum(len(shard.positions) for shard in missing)
    how.tell(Progress("loading", reused, plan.samples, reused))
    size = how.batch_size or auto_batch_size(plan.task, plan.dataset, missing[0].positions)
    done.workers = default_workers(plan.dataset) if how.workers is None else how.workers
    plan.task.bind({role: on_device(other.load(), device) for role, other in plan.aux.items()})
    predictor = Predictor(plan.task, plan.model.load(), device, plan.request.precision, size, may_halve=how.batch_size is None)
    how.tell(Progress("predicting", reused, plan.samples, reused))
    started = time.perf_counter()
    rows: ShardRows | None = None
    for loaded in load_batches(plan.task, plan.dataset, missing, size, plan.request.seed, done.workers):
        if rows is None:
            rows = ShardRows(loaded.shard, plan.task.schema)
        done.skipped.update(loaded.bad)
        _check_skipped(plan, done.skipped, how.skip_bad)
        rows.add(loaded, predictor)
        done.samples += len(loaded.positions)
        how.tell(Progress("predicting", reused + done.samples, plan.samples, reused))
        if rows.complete:
            write_shard(rows.shard, plan.key, *rows.in_order(), rows.bad)
            rows = None
    done.seconds = time.perf_counter() - started
    done.batch_size = predictor.largest or None


def _check_skipped(plan: Plan, skipped: Mapping[str, str], allowed: int) -> None:
    if len(skipped) <= allowed:
        return
    sample, problem = next(iter(skipped.items()))
    if allowed:
        many = f"{len(skipped)} samples of {plan.task.data.name} cannot be read, more than the {allowed} allowed"
        raise DataError(f"{many}; one is {sample}: {problem}", "repair or remove them, or allow more: --skip-bad N")
    raise DataError(
        f"sample {sample} of {plan.task.data.name} cannot be read: {problem}",
        "repair or remove it, or allow N such samples: --skip-bad N",
    )


def _observe(entries: Registry, hook: str, **facts: Any) -> None:
    """Call observers. One that raises costs a warning, never the run."""
    try:
        implementations = getattr(entries.observers().hook, hook).get_hookimpls()
    except Exception as error:
        warnings.warn(f"no plugin was told of {hook}: {type(error).__name__}: {error}", stacklevel=2)
        return
    for implementation in implementations:
        try:
            implementation.function(**{name: facts[name] for name in implementation.argnames})
        except Exception as error:
            warnings.warn(f"plugin {implementation.plugin_name!r}: {hook} raised {type(error).__name__}: {error}", stacklevel=2)


def _checked_batch_size(batch_size: int | str) -> int | None:
    """A number, or None for `auto`."""
    if batch_size == "auto":
        return None
    if not str(batch_size).isdecimal() or int(batch_size) < 1:
        raise OptionError(f"batch size {batch_size!r} is not a number of at least 1, nor auto")
    return int(batch_size)


def _protocol(plan: Plan) -> dict[str, Any]:
    aux = {role: other.info.name for role, other in plan.aux.items()}
    return {"version": plan.task.version, **plan.task.protocol, **({"aux": aux} if aux else {})}


def _model_record(model: Model) -> ModelInfoRecord:
    info = model.info
    return ModelInfoRecord(
        name=info.name,
        weights_sha256=model.weights_sha256,
        weights_uri=model.weights_uri,
        source_sha256=model.source_sha256,
        preprocessing=info.input.model_dump(mode="json") if info.input else None,
        options=dict(info.options),
        classes="declared to be the dataset's, in order" if info.classes == "dataset" else "mapped by name",
        unsafe=model.unsafe,
    )


def _data_record(plan: Plan, computed: Computed) -> DataRecord:
    return DataRecord(
        name=plan.task.data.name,
        split=plan.benchmark.split,
        fingerprint=plan.dataset.fingerprint,
        samples=plan.samples - len(computed.skipped),
        limit=plan.request.limit,
        skipped=computed.skipped,
    )


def _execution(plan: Plan, computed: Computed, device: Any) -> Execution:
    import torch

    return Execution(
        device=str(device),
        precision=plan.request.precision,
        batch_size=computed.batch_size,
        workers=computed.workers,
        threads=torch.get_num_threads(),
        seed=plan.request.seed,
    )


def _cost(computed: Computed, seconds: float) -> Cost:
    rate = round(computed.samples / computed.seconds, 1) if computed.samples and computed.seconds else None
    return Cost(seconds=round(seconds, 3), samples_per_second=rate, peak_memory_mib=peak_memory_mib())
