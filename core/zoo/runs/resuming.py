"""Computing the shards of a run that are not there yet, one file each, by whatever engine."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from zoo.devices import pick_device
from zoo.engines import Done, Engine, Job, Part, Ready, Task, TaskDiedError
from zoo.errors import DataError, RunError
from zoo.foresight import Foresight
from zoo.home import writing
from zoo.plugins.blame import in_plugin
from zoo.remarks import Heard, hearing
from zoo.runs.complexity import keep_complexity, kept_complexity
from zoo.runs.computing import Computer, Made, Wanted
from zoo.runs.foreseeing import seconds_to_score
from zoo.runs.guard import keep_guard, kept_guard
from zoo.runs.kept import begin_at, send_notes
from zoo.runs.key import doubted
from zoo.runs.loading import Reading, auto_batch_size, loading_threads
from zoo.runs.observing import Observers
from zoo.runs.plan import Plan
from zoo.runs.progress import Progress
from zoo.runs.record import Complexity, Execution, Guard, RunStart, Shards
from zoo.runs.request import How
from zoo.runs.shards import Shard, Stored, listed, put, putting, read_shard, reading
from zoo.runs.working import WORKER, told_of
from zoo.wording import without_secrets


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
    execution: Execution | None = None
    """How its shards were computed; None where none was."""
    peak_memory_mib: float | None = None
    """Of the largest process that computed."""
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
        there = listed(shards)
        read = reading(there, lambda s: read_shard(s, plan.key, plan.ids(s), plan.task.schema))
        found = {s.index: kept for s, kept in zip(there, read, strict=True) if kept}
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


def compute_missing(observers: Observers, plan: Plan, how: How, device: Any, run_id: str, engine: Engine) -> Computed:
    """Compute the shards that are not there, one file each, by an engine; the caller holds the lock of the run."""
    done = _found(plan, how)
    missing = [shard for shard in plan.shards() if shard.index not in done.found]
    if missing:
        with writing(plan.folder / "manifest.json") as temporary:
            temporary.write_text(json.dumps(plan.manifest, indent=1, sort_keys=True), encoding="utf-8")
        begin_at(plan)
        start = RunStart(
            run_id=run_id,
            key=plan.key,
            model=plan.model.info.name,
            benchmark=without_secrets(plan.benchmark.name),
            samples=plan.samples,
            shards=done.shards,
        )
        observers.started(start)
        token = plan.folder / f".{run_id}.tmp"
        try:
            with hearing(done.remarks):
                _Mapping(plan, how, missing, done).run(engine, _job(plan, how, device, missing[0], token))
        finally:
            token.unlink(missing_ok=True)
    with in_plugin(plan.task.data.name):
        _check_skipped(plan, done, how.skip_bad)
    return done


def _job(plan: Plan, how: How, device: Any, first: Shard, token: Path) -> Job:
    """The run as workers are told of it, and as this process would do it itself."""
    samples = Reading(plan.dataset, plan.task)
    size = how.fixed_batch or auto_batch_size(samples, first.positions, device.type)

    def begin() -> Computer:
        return Computer(plan, how, device, samples, size, loading_threads(plan.dataset, how.workers))

    @cache
    def told() -> bytes:
        token.touch()
        asked = how.device if pick_device(how.device) == device else str(device)  # a worker may have what is not here
        return told_of(plan, how.model_copy(update={"device": asked}), size, token.name)

    return Job(begin, WORKER, told)


class _Mapping:
    """The missing shards of a run on their way through an engine: told of, put into their places, summed up."""

    def __init__(self, plan: Plan, how: How, missing: Sequence[Shard], done: Computed) -> None:
        self.plan, self.how, self.missing, self.done = plan, how, missing, done
        self.shards = {shard.index: shard for shard in missing}
        self.reused = plan.samples - sum(len(shard.positions) for shard in missing)
        self.seen = self.reused
        self.under_way: dict[int, int] = {}
        """Samples that are done of shards that are not."""
        self.foresight = Foresight()
        self.put: Callable[[Shard, Path], None] = put

    def run(self, engine: Engine, job: Job) -> None:
        self.how.tell(Progress("loading", self.reused, self.plan.samples, self.reused))
        started = time.perf_counter()
        try:
            with putting(self.plan.at) as self.put, closing(engine.map(job, self._tasks(), len(self.missing))) as events:  # type: ignore[type-var]
                for event in events:
                    if isinstance(event, Ready):
                        started = time.perf_counter()
                    elif isinstance(event, Part):
                        self.under_way[event.task] = event.done
                    elif isinstance(event, Done):
                        self._take(self.shards[event.task], event.made)
                        continue
                    self._tell()
        except TaskDiedError as error:
            raise RunError(
                f"{self.plan.told(self.shards[error.task])}: whoever computes it dies; {error.times} workers, the last of which "
                f"{error.how}",
                "look at these samples; if memory ran out, take fewer workers or a smaller `batch_size`",
            ) from error
        self.done.seconds = time.perf_counter() - started

    def _tasks(self) -> Iterator[Task]:
        """The missing shards, each with what is wanted of it when it is asked for."""
        for shard in self.missing:
            first = shard is self.missing[0]
            complexity = first and (self.how.fresh or self.done.complexity is None)
            yield Task(shard.index, Wanted(guard=first, complexity=complexity, reading=self._failing))

    @property
    def _failing(self) -> bool:
        """Whether too many samples are corrupt: the rest is only read, to say how many are."""
        return len(self.done.skipped) > self.how.skip_bad

    def _take(self, shard: Shard, made: Made) -> None:
        """Put a shard into its place, behind what is to be known of it."""
        done, folder = self.done, self.plan.folder
        self.under_way.pop(shard.index, None)
        self.seen += len(shard.positions)
        done.skipped.update(made.skipped)
        done.hints.update(made.hints)
        done.remarks.update(dict.fromkeys(made.remarks))
        done.samples += made.samples
        done.peak_memory_mib = max(filter(None, (done.peak_memory_mib, made.peak_memory_mib)), default=None)
        size = done.execution.batch_size if done.execution is not None else None
        largest = max(filter(None, (size, made.execution.batch_size)), default=None)
        done.execution = made.execution.model_copy(update={"batch_size": largest})
        if made.guard is not None:
            keep_guard(folder, made.guard)
            done.guard = made.guard
        if made.complexity is not None:
            keep_complexity(folder, made.complexity)
            done.complexity = made.complexity
        if made.file is None:
            return
        before, done.doubt = done.doubt, doubted(folder, made.doubt, done.doubt)
        if made.guard or made.complexity or done.doubt != before:
            send_notes(self.plan)
        first = shard is self.missing[0]
        (put if first else self.put)(shard, made.file)
        if self.how.progress and shard is self.missing[0] and len(self.missing) > 1:
            self.foresight.after = seconds_to_score(self.plan, shard)

    def _tell(self) -> None:
        seen, total = self.seen + sum(self.under_way.values()), self.plan.samples
        stage = "counting corrupt samples" if self._failing else "predicting"
        left = None if self._failing else self.foresight.left(seen / total)
        self.how.tell(Progress(stage, seen, total, self.reused, left))


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
