"""Computing shards: the models of a plan, loaded once, over the samples of whatever shards they are given."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.counting import parameter_count
from zoo.devices import on_device
from zoo.engines import Done, Part, Task
from zoo.errors import ZooError, no_exit
from zoo.identity.watching import unwatched
from zoo.opening.models import Model
from zoo.plugins.blame import in_plugin
from zoo.remarks import listening
from zoo.runs.complexity import complexity_of
from zoo.runs.environment import environment, execution, peak_memory_mib
from zoo.runs.guard import check_own
from zoo.runs.key import watch_over
from zoo.runs.loading import Loaded, Reading, load_batches
from zoo.runs.plan import Plan
from zoo.runs.predicting import Gathered, Predictor
from zoo.runs.record import Complexity, Execution, Guard, Origin
from zoo.runs.request import How
from zoo.runs.shards import Shard, write_shard
from zoo.seeds import derived_seed
from zoo.turns import Generators

AHEAD = 2
"""Shards that may be on their way to the disk while the model is at the next."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a shard beside its predictions."""

    guard: bool = False
    """Of a run's first one: whether a prediction is its sample's own."""
    complexity: bool = False
    reading: bool = False
    """Nothing but which of its samples are corrupt: the run fails of those before."""


@dataclass(frozen=True)
class Made:
    """What came of a shard. Its file is written beside its place; where it was only read, there is none."""

    execution: Execution
    file: Path | None
    samples: int
    skipped: dict[str, str]
    hints: dict[str, str]
    guard: Guard | None
    complexity: Complexity | None
    doubt: str
    """Why none of its predictions are used again, as far as that was seen."""
    remarks: tuple[str, ...]
    peak_memory_mib: float | None


class Computer:
    """Computes shards of a plan in this process, as one of `processes` of an engine."""

    def __init__(
        self, plan: Plan, how: How, device: Any, samples: Reading, batch_size: int, workers: int, processes: int = 1
    ) -> None:
        self.plan, self.how, self.device, self.samples = plan, how, device, samples
        self.batch_size, self.workers, self.processes = batch_size, workers, processes
        self.shards = plan.shards()
        self.heard = listening()
        self.watch = watch_over([plan.model, *plan.aux.values()], plan.files)
        drawn = self.watch.drawn if self.watch is not None else None
        own = Generators(derived_seed(plan.request.seed, "predicting"), drawn)
        self.turn = nullcontext if plan.model.info.remote else own.turn
        """What waits for a service keeps nobody waiting."""
        self.where = environment()
        with self.turn(), self.watch or nullcontext():
            plan.task.bind({role: on_device(_loaded(other), device) for role, other in plan.aux.items()})
            model = _loaded(plan.model)
            self.parameters = parameter_count(model)
            plan.precision.ready(model, plan.model.info.name)
        arithmetic, rounding = plan.precision.arithmetic, plan.precision.rounding
        may_halve = how.fixed_batch is None
        self.predictor = Predictor(plan.task, model, device, arithmetic, batch_size, may_halve=may_halve, rounding=rounding)
        self.wanted = Wanted()
        """What is still to be found beside predictions."""
        self.corrupt = 0

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Part | Done]:
        """What comes of shards, which are asked for one by one, some batches ahead."""
        given: deque[Task] = deque()

        def positions() -> Iterator[Sequence[int]]:
            for task in tasks:
                given.append(task)
                yield self.shards[task.number].positions

        with ThreadPoolExecutor(1, "zoo-write") as pool:
            writing: deque[tuple[int, Future[Made]]] = deque()
            try:
                at: _Shard | None = None
                for loaded in load_batches(self.samples, positions(), self.batch_size, self.plan.request.seed, self.workers):
                    if at is None:
                        at = self._begun(given.popleft())
                    self._take(loaded, at)
                    yield Part(at.shard.index, at.read)
                    if at.read == len(at.shard.positions):
                        writing.append((at.shard.index, pool.submit(copy_context().run, self._write, at, self._made(at))))
                        at = None
                    yield from self._written(writing, AHEAD)
            except Exception:
                for index, made in writing:  # what was computed before is there to be used again
                    if made.exception() is None:
                        yield Done(index, made.result())
                raise
            yield from self._written(writing, 0)

    @staticmethod
    def _written(writing: "deque[tuple[int, Future[Made]]]", most: int) -> Iterator[Done]:
        """Shards whose files are there, and as many of the others that no more than `most` are on their way."""
        while writing and (len(writing) > most or writing[0][1].done()):
            index, made = writing.popleft()
            yield Done(index, made.result())

    def _take(self, loaded: Loaded, at: "_Shard") -> None:
        try:
            self._add(loaded, at)
        except ZooError:
            raise
        except Exception as error:
            error.add_note(f"in {self.plan.told(at.shard)}")
            raise

    def _begun(self, task: Task) -> "_Shard":
        wanted: Wanted = task.note
        before = self.wanted
        self.wanted = replace(wanted, guard=wanted.guard or before.guard, complexity=wanted.complexity or before.complexity)
        shard = self.shards[task.number]
        return _Shard(shard, Gathered(shard.positions, self.plan.task.schema))

    def _add(self, loaded: Loaded, at: "_Shard") -> None:
        """Take a batch of a shard; once too many samples are corrupt, the rest is only read, to say how many are."""
        at.read += len(loaded.positions) + len(loaded.bad)
        at.skipped.update(loaded.bad)
        at.hints.update(loaded.hints)
        self.corrupt += len(loaded.bad)
        if self.wanted.reading or self.corrupt > self.how.skip_bad:
            at.whole = False
            return
        with self.turn(), self.watch or nullcontext():
            at.rows.add(loaded, self.predictor)
        if loaded.batch is None:
            return
        if self.wanted.guard:
            told = {name: parts[0] for name, parts in at.rows.columns.items()}
            with self.turn():
                at.guard = check_own(self.predictor, loaded.batch, told, named=self.plan.named)
        if self.wanted.complexity:
            first, seed = self.shards[0].positions, self.plan.request.seed
            with self.turn():
                at.complexity = complexity_of(self.predictor, self.samples, first, seed, self.plan.precision, self.parameters)
        self.wanted = Wanted()

    def _made(self, at: "_Shard") -> Made:
        how = execution(self.plan, self.device, self.predictor.largest, self.workers, self.how.engine, self.processes)
        return Made(
            how,
            None,
            samples=len(at.rows.positions),
            skipped=at.skipped,
            hints=at.hints,
            guard=at.guard,
            complexity=at.complexity,
            doubt=self.watch.doubt() if self.watch is not None else "",
            remarks=tuple(self.heard or ()),
            peak_memory_mib=peak_memory_mib(),
        )

    @unwatched()
    def _write(self, at: "_Shard", made: Made) -> Made:
        """A shard with its file, which is written on a thread of its own while the model goes on."""
        if not at.whole:
            return made
        origin = Origin(execution=made.execution, environment=self.where)
        rows = at.rows.in_order()
        return replace(made, file=write_shard(at.shard, self.plan.key, *rows, at.rows.bad, origin, made.remarks))


@dataclass
class _Shard:
    """A shard that is being computed."""

    shard: Shard
    rows: Gathered
    read: int = 0
    whole: bool = True
    skipped: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    guard: Guard | None = None
    complexity: Complexity | None = None


def _loaded(model: Model) -> Any:
    with no_exit(model.info.name), in_plugin(model.info.name):
        return model.load()
