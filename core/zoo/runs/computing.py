"""Computing shards: the models of a plan, loaded once, over the samples of whatever shards they are given."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

from zoo.cores import cores
from zoo.counting import parameter_count
from zoo.devices import carrier, on_device
from zoo.engines import Done, Part, Task
from zoo.errors import OptionError, ZooError, no_exit
from zoo.opening.models import Model
from zoo.opening.techniques import open_technique
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import registry
from zoo.remarks import listening
from zoo.runs.complexity import complexity_of
from zoo.runs.environment import environment, execution, peak_memory_mib
from zoo.runs.fusing import fuse
from zoo.runs.guard import check_own
from zoo.runs.key import watch_over
from zoo.runs.loading import Loaded, Reading, Threads, load_batches
from zoo.runs.plan import Plan
from zoo.runs.predicting import Gathered, Predictor
from zoo.runs.record import Complexity, Execution, Guard, Origin
from zoo.runs.request import How
from zoo.runs.shards import Shard, write_shard
from zoo.runs.writing import Writer
from zoo.seeds import derived_seed, seeded
from zoo.turns import Generators

ENOUGH = 64
"""Samples of a run from which on it is worth asking whether a network can be fused."""
PROBE = 2
"""Samples by which that is asked."""


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
        self, plan: Plan, how: How, device: Any, samples: Reading, batch_size: int, loading: Threads, processes: int = 1
    ) -> None:
        self.plan, self.how, self.device, self.samples = plan, how, device, samples
        self.batch_size, self.loading, self.processes = batch_size, loading, processes
        self.shards = plan.shards()
        self.heard = listening()
        self.carry = carrier(device)
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
        with self.turn(), self.watch or nullcontext(), seeded(plan.request.seed, "fusing"):
            self.fused = self._fused()
        if how.compile:
            self._compile()
        self.wanted = Wanted()
        """What is still to be found beside predictions."""
        self.corrupt = 0

    def _fused(self) -> int:
        """How many normalisations were fused, by what the run's first samples say: in every process the same."""
        if not self.plan.precision.is_plain or self.plan.samples < ENOUGH:
            return 0
        probe = self.samples.loaded(self.shards[0].positions[:PROBE], self.plan.request.seed)
        with suppress(ZooError):  # what fails on the probe is told of when its batch is predicted
            return fuse(self.predictor, probe.batch) if probe.batch is not None else 0
        return 0

    def _compile(self) -> None:
        """Compile the network for whole batches; others are computed as it is written. Raises OptionError."""
        import torch

        model, name = self.predictor.model, self.plan.model.info.name
        if not isinstance(model, torch.nn.Module):
            raise OptionError(
                f"{name} is {type(model).__name__}, no torch.nn.Module, so nothing of it can be compiled", "leave it out"
            )
        technique = open_technique(registry(), "compile")
        technique.built.check(str(self.device))
        technique.built.apply(model)
        self.predictor.compiled = min(self.batch_size, len(self.shards[0].positions))

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Part | Done]:
        """What comes of shards, which are asked for one by one, some batches ahead."""
        given: deque[Task] = deque()

        def positions() -> Iterator[Sequence[int]]:
            for task in tasks:
                given.append(task)
                yield self.shards[task.number].positions

        at: _Shard | None = None
        since = time.perf_counter()
        with Writer(self._leaves_a_core(), _forget) as writer:
            try:
                for loaded in self._loaded_batches(positions()):
                    if at is None:
                        at = self._begun(given.popleft())
                    self._take(loaded, at)
                    yield Part(at.shard.index, at.read)
                    yield from starmap(Done, writer.ready())
                    if at.read == len(at.shard.positions):
                        made, taken = self._made(at), time.perf_counter() - since
                        yield from starmap(Done, writer.write(at.shard.index, taken, partial(self._written, at, made)))
                        at, since = None, time.perf_counter()
            except (Exception, KeyboardInterrupt):
                with suppress(ZooError):  # what the model raised is told, and not that the disk is full as well
                    yield from starmap(Done, writer.rest())  # what was computed before is there to be used again
                raise
            yield from starmap(Done, writer.rest())

    def _loaded_batches(self, shards: Iterable[Sequence[int]]) -> Iterator[Loaded]:
        return load_batches(self.samples, shards, self.batch_size, self.plan.request.seed, self.loading, self.carry)

    def _leaves_a_core(self) -> bool:
        """Whether networks do not take all of them: a thread beside those that do would slow them down by what it saves."""
        import torch

        return self.device.type != "cpu" or torch.get_num_threads() * self.processes < cores()

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
        how = execution(
            self.plan,
            self.device,
            batch_size=self.predictor.largest,
            workers=self.loading.most,
            engine=self.how.engine,
            processes=self.processes,
            fused=self.fused,
            compiled=self.how.compile,
        )
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

    def _written(self, at: "_Shard", made: Made) -> Made:
        """The same with its file, where it is whole."""
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


def _forget(made: Made) -> None:
    """Take away a file that nobody will put into its place."""
    if made.file is not None:
        made.file.unlink(missing_ok=True)


def _loaded(model: Model) -> Any:
    with no_exit(model.info.name), in_plugin(model.info.name):
        return model.load()
