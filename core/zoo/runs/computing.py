"""Computing the shards of a run that are not there yet, one file each, in order."""

import json
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import DataError
from zoo.home import writing
from zoo.plugins.registry import Registry
from zoo.runs.environment import environment, execution
from zoo.runs.loading import auto_batch_size, default_workers, load_batches
from zoo.runs.plan import Plan
from zoo.runs.predicting import Predictor, ShardRows, on_device
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.record import Origin, RunStart, Shards
from zoo.runs.reusing import doubted, watch_over
from zoo.runs.shards import Shard, read_shard, write_shard


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
    hints: dict[str, str] = field(default_factory=dict)
    samples: int = 0
    seconds: float = 0.0
    batch_size: int | None = None
    workers: int = 0
    doubt: str = ""
    """Why none of its predictions are used again."""


def compute_missing(entries: Registry, plan: Plan, how: How, device: Any, run_id: str) -> Computed:
    """Compute the shards that are not there, one file each, in order."""
    shards = plan.shards()
    found = (
        {} if how.fresh else {s.index: kept for s in shards if (kept := read_shard(s, plan.key, plan.ids(s), plan.task.schema))}
    )
    missing = [shard for shard in shards if shard.index not in found]
    done = Computed(Shards(total=len(shards), computed=len(missing), reused=len(found)), doubt=plan.doubt)
    for _, skipped in found.values():
        done.skipped.update(skipped)
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
        observe(entries, "zoo_run_started", run=start)
        _compute(plan, how, device, missing, done)
    _check_skipped(plan, done, how.skip_bad)
    return done


def _compute(plan: Plan, how: How, device: Any, missing: Sequence[Shard], done: Computed) -> None:
    reused = plan.samples - sum(len(shard.positions) for shard in missing)
    how.tell(Progress("loading", reused, plan.samples, reused))
    size = how.batch_size or auto_batch_size(plan.task, plan.dataset, missing[0].positions)
    done.workers = default_workers(plan.dataset) if how.workers is None else how.workers
    watch = watch_over([plan.model, *plan.aux.values()])
    with watch or nullcontext():
        plan.task.bind({role: on_device(other.load(), device) for role, other in plan.aux.items()})
        model = plan.model.load()
    predictor = Predictor(plan.task, model, device, plan.request.precision, size, may_halve=how.batch_size is None)
    how.tell(Progress("predicting", reused, plan.samples, reused))
    where = environment()
    started = time.perf_counter()
    rows: ShardRows | None = None
    seen = reused
    for loaded in load_batches(plan.task, plan.dataset, missing, size, plan.request.seed, done.workers):
        if rows is None:
            rows = ShardRows(loaded.shard, plan.task.schema)
        done.skipped.update(loaded.bad)
        done.hints.update(loaded.hints)
        seen += len(loaded.positions) + len(loaded.bad)
        if len(done.skipped) > how.skip_bad:  # the run fails; the rest is only read, to say how many are corrupt
            how.tell(Progress("counting corrupt samples", seen, plan.samples, reused))
            continue
        with watch or nullcontext():
            rows.add(loaded, predictor)
        done.samples += len(loaded.positions)
        how.tell(Progress("predicting", seen, plan.samples, reused))
        if rows.complete:
            done.doubt = doubted(plan.folder, watch, done.doubt)
            made = Origin(execution=execution(plan.request, device, predictor.largest, done.workers), environment=where)
            write_shard(rows.shard, plan.key, *rows.in_order(), rows.bad, made)
            rows = None
    done.seconds = time.perf_counter() - started
    done.batch_size = predictor.largest or None


def _check_skipped(plan: Plan, done: Computed, allowed: int) -> None:
    """Raise DataError with how many samples are corrupt, where that is more than are allowed."""
    if len(done.skipped) <= allowed:
        return
    (sample, problem), count, data = next(iter(done.skipped.items())), len(done.skipped), plan.task.data.name
    advice = done.hints.get(sample, "repair or remove it")
    if count == 1:
        raise DataError(f"sample {sample} of {data} cannot be read: {problem}", f"{advice}; or pass --skip-bad 1")
    more = f", more than the {allowed} allowed" if allowed else ""
    raise DataError(
        f"{count} samples of {data} cannot be read{more}; the first is {sample}: {problem}",
        f"of the first: {advice}; or leave them all out with --skip-bad {count}",
    )


def observe(entries: Registry, hook: str, **facts: Any) -> None:
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
