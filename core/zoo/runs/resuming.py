"""Computing the shards of a run that are not there yet, one file each, in order."""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from zoo.counting import parameter_count
from zoo.devices import on_device
from zoo.errors import DataError, no_exit
from zoo.foresight import Foresight
from zoo.home import writing
from zoo.opening.models import Model
from zoo.plugins.blame import in_plugin
from zoo.remarks import Heard, hearing
from zoo.runs.complexity import complexity_of, keep_complexity, kept_complexity
from zoo.runs.environment import environment, execution
from zoo.runs.foreseeing import seconds_to_score
from zoo.runs.guard import check_own, keep_guard, kept_guard
from zoo.runs.key import doubted, watch_over
from zoo.runs.loading import Reading, auto_batch_size, default_workers, load_batches
from zoo.runs.observing import Observers
from zoo.runs.plan import Plan
from zoo.runs.predicting import Gathered, Predictor
from zoo.runs.progress import Progress
from zoo.runs.record import Complexity, Guard, Origin, RunStart, Shards
from zoo.runs.request import How
from zoo.runs.shards import Shard, Stored, read_shard, write_shard
from zoo.seeds import derived_seed
from zoo.tasks.base import Batch
from zoo.turns import Generators


@dataclass
class Computed:
    """What the invocation did."""

    shards: Shards
    skipped: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    found: dict[int, Stored] = field(default_factory=dict)
    """Shards that were there, by index, until they are scored."""
    guard: Guard | None = None
    complexity: Complexity | None = None
    samples: int = 0
    seconds: float = 0.0
    batch_size: int | None = None
    workers: int = 0
    doubt: str = ""
    """Why none of its predictions are used again."""
    remarks: Heard = field(default_factory=dict)
    """What was remarked when the samples were read and predicted, by whichever invocation."""


def found_done(plan: Plan, how: How) -> Computed | None:
    """What is there of a run of which nothing is to be computed; None of any other. It is only read, so it needs no lock."""
    done = _found(plan, how)
    if done.shards.computed:
        return None
    _check_skipped(plan, done, how.skip_bad)
    return done


def _found(plan: Plan, how: How) -> Computed:
    """What is there of a run that may be used again."""
    shards, guard = plan.shards(), kept_guard(plan.folder)
    found = {}
    if not how.fresh and not (guard and guard.note):  # what is not a sample's own is no use another time
        found = {s.index: kept for s in shards if (kept := read_shard(s, plan.key, plan.ids(s), plan.task.schema))}
    done = Computed(
        Shards(total=len(shards), computed=len(shards) - len(found), reused=len(found)),
        found=found,
        guard=guard,
        complexity=kept_complexity(plan.folder),
        doubt=plan.doubt,
    )
    for stored in found.values():
        done.skipped.update(stored.skipped)
        done.remarks.update(dict.fromkeys(stored.remarks))
    return done


def compute_missing(observers: Observers, plan: Plan, how: How, device: Any, run_id: str) -> Computed:
    """Compute the shards that are not there, one file each, in order."""
    done = _found(plan, how)
    missing = [shard for shard in plan.shards() if shard.index not in done.found]
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
        observers.started(start)
        with hearing(done.remarks):
            _compute(plan, how, device, missing, done)
    with in_plugin(plan.task.data.name):
        _check_skipped(plan, done, how.skip_bad)
    return done


def _compute(plan: Plan, how: How, device: Any, missing: Sequence[Shard], done: Computed) -> None:
    reused = plan.samples - sum(len(shard.positions) for shard in missing)
    how.tell(Progress("loading", reused, plan.samples, reused))
    samples = Reading(plan.dataset, plan.task)
    size = how.fixed_batch or auto_batch_size(samples, missing[0].positions)
    done.workers = default_workers(plan.dataset) if how.workers is None else how.workers
    watch = watch_over([plan.model, *plan.aux.values()], plan.files)
    own = Generators(derived_seed(plan.request.seed, "predicting"), watch.drawn if watch is not None else None)
    taken = nullcontext if plan.model.info.remote else own.turn  # what waits for a service keeps nobody waiting
    with taken(), watch or nullcontext():
        plan.task.bind({role: on_device(_loaded(other), device) for role, other in plan.aux.items()})
        model = _loaded(plan.model)
        parameters = parameter_count(model)
        plan.precision.ready(model, plan.model.info.name)
    arithmetic, rounding = plan.precision.arithmetic, plan.precision.rounding
    predictor = Predictor(plan.task, model, device, arithmetic, size, may_halve=how.fixed_batch is None, rounding=rounding)
    foresight = Foresight()
    how.tell(Progress("predicting", reused, plan.samples, reused, foresight.left(reused / plan.samples)))
    where = environment()
    started = time.perf_counter()
    rows: Gathered | None = None
    seen, rest = reused, iter(missing)
    for loaded in load_batches(samples, [shard.positions for shard in missing], size, plan.request.seed, done.workers):
        if rows is None:
            shard = next(rest)
            rows = Gathered(shard.positions, plan.task.schema)
        done.skipped.update(loaded.bad)
        done.hints.update(loaded.hints)
        seen += len(loaded.positions) + len(loaded.bad)
        if len(done.skipped) > how.skip_bad:  # the run fails; the rest is only read, to say how many are corrupt
            how.tell(Progress("counting corrupt samples", seen, plan.samples, reused))
            continue
        with taken(), watch or nullcontext():
            rows.add(loaded, predictor)
        if not done.samples and loaded.batch is not None:
            with taken():
                done.guard = _guarded(plan, predictor, loaded.batch, rows)
            if how.fresh or done.complexity is None:
                first = plan.shards()[0].positions
                with taken():
                    done.complexity = complexity_of(predictor, samples, first, plan.request.seed, plan.precision, parameters)
                keep_complexity(plan.folder, done.complexity)
        done.samples += len(loaded.positions)
        how.tell(Progress("predicting", seen, plan.samples, reused, foresight.left(seen / plan.samples)))
        if rows.complete:
            done.doubt = doubted(plan.folder, watch, done.doubt)
            made = Origin(execution=execution(plan, device, predictor.largest, done.workers), environment=where)
            write_shard(shard, plan.key, *rows.in_order(), rows.bad, made, done.remarks)
            if how.progress and shard is missing[0] and len(missing) > 1:
                foresight.after = seconds_to_score(plan, shard)
            rows = None
    done.seconds = time.perf_counter() - started
    done.batch_size = predictor.largest or None


def _guarded(plan: Plan, predictor: Predictor, batch: Batch, rows: Gathered) -> Guard:
    """Whether the predictions of the first batch are its samples' own; kept beside the shards."""
    told = {name: parts[0] for name, parts in rows.columns.items()}
    found = check_own(predictor, batch, told, named=plan.named)
    keep_guard(plan.folder, found)
    return found


def _loaded(model: Model) -> Any:
    with no_exit(model.info.name), in_plugin(model.info.name):
        return model.load()


def _check_skipped(plan: Plan, done: Computed, allowed: int) -> None:
    """Raise DataError with how many samples are corrupt, where that is more than are allowed."""
    if len(done.skipped) <= allowed:
        return
    (sample, problem), count, data = next(iter(done.skipped.items())), len(done.skipped), plan.task.data.name
    advice = done.hints.get(sample, "put a whole copy in its place")
    if count == 1:
        raise DataError(f"sample {sample} of {data} cannot be read: {problem}", f"{advice}; or pass `skip_bad=1`")
    more = f", more than the {allowed} allowed" if allowed else ""
    raise DataError(
        f"{count} samples of {data} cannot be read{more}; the first is {sample}: {problem}",
        f"of the first: {advice}; or leave them all out with `skip_bad={count}`",
    )
