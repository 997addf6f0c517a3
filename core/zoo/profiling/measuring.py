"""Measuring: what is counted of one sample, and the clock about calls of growing batches."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.counting import Living, Operations, counted_operations, storage_bytes
from zoo.counting.operations import COMPOSITE, is_composite
from zoo.data.dataset import Sample
from zoo.devices import on_device, out_of_memory
from zoo.errors import DataError, ModelError, no_exit, reason_of
from zoo.profiling.record import Latency, Memory, Tried
from zoo.profiling.subject import Subject
from zoo.runs.loading import Reading
from zoo.runs.predicting import Predictor
from zoo.tasks.base import Batch
from zoo.turns import turn

MOST = 2**16
"""The largest batch that is tried."""
FALLEN = 0.95
"""Of the best throughput: below it a batch size is slower, and no chance of the clock."""
ENOUGH = 0.5
"""Seconds of calls of one batch size, in as many rounds as that takes, from `FEWEST` to `ROUNDS`."""
FEWEST, ROUNDS = 3, 100
PATIENCE = 20.0
"""Seconds after which no more calls at batch 1 are made, and no larger batch is tried than one that took half as long."""


class Bench:
    """A subject on a device, ready to be asked for batches of any size."""

    def __init__(self, subject: Subject, device: Any) -> None:
        self.subject, self.device, self.task = subject, device, subject.task
        if subject.aux:
            self.task.bind({role: on_device(other.load(), device) for role, other in subject.aux.items()})
        with no_exit(subject.name):
            subject.precision.ready(subject.model, subject.name)
        arithmetic, rounding = subject.precision.arithmetic, subject.precision.rounding
        self.predictor = Predictor(self.task, subject.model, device, arithmetic, MOST, may_halve=False, rounding=rounding)
        self.reading = Repeating(subject)

    def batch(self, size: int, place: int = 0) -> Batch:
        """One of the samples, as often as is wanted: as a run has it, which puts together what is of one length."""
        loaded = self.reading.loaded([place] * size, 0)
        assert loaded.batch is not None
        return loaded.batch

    def seconds(self, batch: Batch) -> float:
        """What one call takes."""
        taken = 0.0

        def timed(model: Any, ready: Batch) -> Any:
            nonlocal taken
            self._wait()
            started = time.perf_counter()
            predicted = self.task.predict(model, ready)
            self._wait()
            taken = time.perf_counter() - started
            return predicted

        self.ask(batch, timed)
        return taken

    def ask(self, batch: Batch, ask: Callable[[Any, Batch], Any]) -> None:
        """Predict a batch, whole, as a run does. Raises ModelError where the model raises, or memory ends."""
        self.predictor.limit = len(batch)
        for _ in self.predictor(batch, ask):
            pass

    def operations(self) -> Operations:
        """Of the first sample alone."""
        found: list[Operations] = []

        def counted(model: Any, ready: Batch) -> Any:
            with counted_operations() as operations:
                predicted = self.task.predict(model, ready)
            found.append(operations)
            return predicted

        self.ask(self.batch(1), counted)
        return found[-1]

    def memory(self, size: int) -> Memory:
        """At the peak of a forward pass, of whichever sample takes most."""
        return max((self._memory(self.batch(size, place)) for place in self.reading.kinds), key=lambda one: one.bytes)

    def _memory(self, batch: Batch) -> Memory:
        import torch

        size = len(batch)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.seconds(batch)
            return Memory(batch_size=size, bytes=torch.cuda.max_memory_allocated(self.device), how="allocator")
        most: list[int] = []

        def counted(model: Any, ready: Batch) -> Any:
            held = [*_held(model), *_tensors(ready.inputs)]
            with Whole(held) as living:
                predicted = self.task.predict(model, ready)
            most.append(storage_bytes(held) + living.most())
            return predicted

        self.ask(batch, counted)
        return Memory(batch_size=size, bytes=most[-1], how="counted")

    def _wait(self) -> None:
        import torch

        if self.device.type in ("cuda", "mps"):
            getattr(torch, self.device.type).synchronize()


class Repeating(Reading):
    """The samples of a subject, each read and prepared once; positions are places among them."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject.dataset, subject.task)
        self._kept: list[Sample] = []
        problem = ""
        for position in subject.positions:
            try:
                self._kept.append(super().read(position))
            except Exception as error:
                problem = f"sample {subject.dataset.ids[position]} cannot be read: {reason_of(error)}"
        if not self._kept:
            raise DataError(problem or f"{subject.samples}: there are none", "profile the model on other data")

    def read(self, position: int) -> Sample:
        return self._kept[position]

    @property
    def inputs(self) -> list[str]:
        """What each is when it reaches the model."""
        return [described(sample.input) for sample in self._kept]

    @property
    def kinds(self) -> list[int]:
        """Places of samples of which each is another thing: of images of one size the first alone."""
        inputs = self.inputs
        return [place for place, one in enumerate(inputs) if inputs.index(one) == place]


class Whole(Living):  # type: ignore[no-untyped-call]
    """Counts within operations that are made of others, too, which under inference mode come as one."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not is_composite(func):
            return super().__torch_dispatch__(func, types, args, kwargs)
        with self:
            return func._op_dk(COMPOSITE, *args, **(kwargs or {}))


def latency(bench: Bench, warmup: int, repetitions: int, tell: Callable[[int, int], None]) -> tuple[Latency, int]:
    """Percentiles of calls at batch 1, the samples in turn, and how many there were: fewer where they take too long."""
    batches = [bench.batch(1, place) for place in range(len(bench.reading.inputs))]
    for call in range(warmup):
        bench.seconds(batches[call % len(batches)])
    seconds: list[float] = []
    while len(seconds) < repetitions and (sum(seconds) < PATIENCE or len(seconds) < FEWEST):
        seconds.append(bench.seconds(batches[len(seconds) % len(batches)]))
        tell(len(seconds), repetitions)
    return percentiles(seconds), len(seconds)


def percentiles(seconds: Sequence[float]) -> Latency:
    """Of nearest rank: the smallest that so large a share of all does not exceed; None where it would be the largest of all."""
    ordered = sorted(seconds)

    def at(percent: int, least: int) -> float | None:
        return ordered[-(-len(ordered) * percent // 100) - 1] if len(ordered) >= least else None

    return Latency(p50=ordered[-(-len(ordered) // 2) - 1], p90=at(90, 10), p99=at(99, 100))


def throughputs(bench: Bench, sizes: Sequence[int], tell: Callable[[int, int], None]) -> tuple[list[Tried], str]:
    """Samples a second at growing batch sizes, until it falls or memory ends, and why no larger one was tried."""
    tried: list[Tried] = []
    for place, size in enumerate(sizes):
        tell(place, len(sizes))
        best = max((one.samples_per_second for one in tried), default=0.0)
        if tried and (short := _too_much(bench, size)):
            return tried, f"a batch of {size} would need {short}"
        try:
            tried.append(_throughput(bench, size))
        except ModelError as error:
            if not (tried and error.__cause__ is not None and out_of_memory(error.__cause__)):
                raise
            return tried, f"a batch of {size} ran out of memory"
        if tried[-1].samples_per_second < FALLEN * best:
            return tried, f"at {size} throughput fell"
        if size / tried[-1].samples_per_second > PATIENCE / 2:
            return tried, f"a batch of {size} took {size / tried[-1].samples_per_second:.0f} s"
    return tried, f"no larger one than {sizes[-1]} was to be tried"


def _throughput(bench: Bench, size: int) -> Tried:
    """By the median of some rounds, each a call of every kind of sample. The first counts not: kernels are chosen then."""
    batches = [bench.batch(size, place) for place in bench.reading.kinds]
    rounds: list[float] = []
    for batch in batches:
        bench.seconds(batch)
    while len(rounds) < FEWEST or (sum(rounds) < ENOUGH and len(rounds) < ROUNDS):
        rounds.append(sum(bench.seconds(batch) for batch in batches))
    rate = size * len(batches) / statistics.median(rounds)
    return Tried(batch_size=size, samples_per_second=rate, calls=len(rounds) * len(batches))


def _too_much(bench: Bench, size: int) -> str:
    """Memory that a batch would take on a CPU, where it is more than is free: there it ends with the process. By half as many."""
    free = free_memory()
    if bench.device.type != "cpu" or free is None:
        return ""
    half = bench.memory(size // 2).bytes
    return f"{2 * half / 2**30:.1f} GiB, and {free / 2**30:.1f} are free" if 2 * half > 0.8 * free else ""


def free_memory() -> int | None:
    """Bytes that this process may still take, as Linux says; None where nobody says."""
    found = []
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = (next(iter(_lines(f"/sys/fs/cgroup/memory.{name}")), "") for name in ("max", "current"))
    if limit.isdecimal() and used.isdecimal():
        found.append(int(limit) - int(used))
    return min(found, default=None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


@contextmanager
def threads_of(count: int | None) -> "Iterator[int]":
    """So many threads of torch in the block; how many they are."""
    import torch

    with turn():  # their number is the process's, and what else computes meanwhile would be measured with it
        before = torch.get_num_threads()
        try:
            if count is not None:
                torch.set_num_threads(count)
            yield torch.get_num_threads()
        finally:
            torch.set_num_threads(before)


def described(value: Any) -> str:
    """What one input is: `float32 1x28x28`, `text of 37 characters`."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{str(value.dtype).removeprefix('torch.')} {'x'.join(map(str, value.shape)) or 'number'}"
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, (list, tuple)):
        return " and ".join(dict.fromkeys(map(described, value))) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {described(part)}" for name, part in value.items())
    inner = vars(value) if hasattr(value, "__dict__") else {}
    return described(inner) if inner else type(value).__name__


def _held(model: Any) -> list[Any]:
    import torch

    return [*model.parameters(), *model.buffers()] if isinstance(model, torch.nn.Module) else []


def _tensors(inputs: Any) -> list[Any]:
    if isinstance(inputs, dict):
        inputs = list(inputs.values())
    if isinstance(inputs, (list, tuple)):
        return [tensor for item in inputs for tensor in _tensors(item)]
    return [inputs] if hasattr(inputs, "untyped_storage") else []
