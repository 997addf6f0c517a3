"""Loading: samples decoded and prepared on threads, ahead of the model.

Threads, not processes: decoding and resizing release the GIL, nothing is pickled, and a crash has one plain traceback.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

from zoo.data.dataset import ArrayDataset, Dataset, Sample, block_of, in_one_way
from zoo.errors import ZooError, reason_of
from zoo.identity.watching import unwatched
from zoo.opening.known import Known
from zoo.remarks import hearing, listening
from zoo.seeds import SampleSeeds
from zoo.tasks.base import Batch, Task

ELEMENTS = 2**23
"""Input elements of an automatic batch: 32 MiB of float32, beyond which a CPU gains nothing and a GPU little."""
MOST = 256
VECTORS = 2**14
"""Numbers of a batch of short vectors: fewer would cost more than what is computed of them."""


@dataclass(frozen=True)
class Loaded:
    """A batch of one shard, ready for the model, and the samples of it that could not be read."""

    positions: Sequence[int]
    batch: Batch | None
    bad: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    """What to do about those of them whose source says it."""


class Source(Protocol):
    """What batches are made of."""

    @property
    def dataset(self) -> Dataset:
        """Ids and costs of the samples."""

    def loaded(self, positions: Sequence[int], seed: int, /) -> Loaded:
        """The batch at some positions."""


class Reading:
    """The samples of a dataset as a task prepares them. One that was looked at ahead of the others is prepared once."""

    def __init__(self, dataset: Dataset, task: Task) -> None:
        self.dataset, self.task = dataset, task
        self._ahead: dict[int, Sample] = {}
        self._together = in_one_way(task, "together", "prepare", "collate")
        self._remarks = listening()  # threads that load know nothing of it

    def look(self, position: int) -> Sample:
        """A prepared sample, which is kept until it is read."""
        self._ahead[position] = self.read(position)
        return self._ahead[position]

    def read(self, position: int) -> Sample:
        """A prepared sample. Raises what dataset and task raise where it is corrupt."""
        if position in self._ahead:
            return self._ahead.pop(position)
        sample = self.dataset[position]
        if sample.id != self.dataset.ids[position]:
            raise ValueError(f"the dataset answers with sample {sample.id!r}")
        return self.task.prepare(sample)

    @unwatched()
    def loaded(self, positions: Sequence[int], seed: int) -> "Loaded":
        """The samples at some positions, prepared and collated, without those that are corrupt."""
        if (block := self._block(positions, seed)) is not None:
            return block
        samples: list[Sample] = []
        kept: list[int] = []
        bad: dict[str, str] = {}
        hints: dict[str, str] = {}
        with hearing(self._remarks):
            for position in positions:
                try:
                    samples.append(self.read(position))
                    kept.append(position)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # a dataset that calls sys.exit() has not read its sample
                    bad[self.dataset.ids[position]] = _problem(error)
                    if isinstance(error, ZooError) and error.hint:
                        hints[self.dataset.ids[position]] = error.hint
        if not samples:
            return Loaded(kept, None, bad, hints)
        ids, targets = [sample.id for sample in samples], [sample.target for sample in samples]
        inputs = _layout(self.task.collate(samples))
        return Loaded(kept, Batch(ids, inputs, targets, SampleSeeds(seed, ids)), bad, hints)

    def _block(self, positions: Sequence[int], seed: int) -> "Loaded | None":
        """The samples in one piece, where data and task can; None where they are read one by one, as where one is corrupt."""
        if not self._together:
            return None
        with suppress(Exception), hearing(self._remarks):
            block = block_of(self.dataset, positions)
            if block is not None and (inputs := self.task.together(block)) is not None:
                return Loaded(positions, Batch(block.ids, _layout(inputs), block.targets, SampleSeeds(seed, block.ids)))
        return None


def load_batches(source: Source, shards: Iterable[Sequence[int]], size: int, seed: int, workers: int) -> Iterator[Loaded]:
    """Batches of the shards, given as positions, shard by shard; `workers` threads stay a few batches ahead (0: none)."""
    work = (positions for shard in shards for positions in cut(shard, source.dataset, size))

    def load(positions: Sequence[int]) -> Loaded:
        return source.loaded(positions, seed)

    if workers == 0:
        yield from map(load, work)
        return
    with ThreadPoolExecutor(workers, "zoo-load") as pool:
        ahead: deque[Future[Loaded]] = deque()
        try:
            for positions in work:
                ahead.append(pool.submit(copy_context().run, load, positions))  # remarks and home are the context's
                if len(ahead) > workers + 1:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def cut(positions: Sequence[int], dataset: Dataset, size: int) -> Iterator[Sequence[int]]:
    """A shard's positions in batches; sorted by cost where it is known, so that a batch has samples of like length."""
    costs = getattr(dataset, "costs", None)
    ordered = sorted(positions, key=costs.__getitem__) if costs is not None else positions
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def auto_batch_size(samples: Reading, positions: Sequence[int]) -> int:
    """A power of two that keeps a batch's input near 32 MiB, by the first sample that can be read; at most `MOST`, or `VECTORS`
    numbers of such."""
    for position in positions:
        try:
            prepared = samples.look(position).input
        except KeyboardInterrupt:
            raise
        except BaseException:  # it is told of when its batch is read
            continue
        elements = max(1, _elements(prepared))
        most = max(MOST, VECTORS // elements) if getattr(prepared, "ndim", 0) == 1 else MOST
        return int(min(most, 2 ** max(0, (ELEMENTS // elements).bit_length() - 1)))
    return 1


def default_workers(dataset: Dataset, cores: int | None = None) -> int:
    """One thread where samples lie in memory, since it only stacks them; else as many as leave one of the cores to the model."""
    return 1 if isinstance(dataset, (ArrayDataset, Known)) else max(1, (cores or os.cpu_count() or 2) - 1)


def _elements(prepared: Any) -> int:
    """Numbers or characters of one sample's input, be it a tensor, a text, several of them, or nothing."""
    if hasattr(prepared, "numel"):
        return int(prepared.numel())
    if isinstance(prepared, (dict, list, tuple)):
        return sum(_elements(part) for part in (prepared.values() if isinstance(prepared, dict) else prepared))
    return len(prepared) if isinstance(prepared, str) else 1


def _problem(error: BaseException) -> str:
    """What is wrong with a sample: in a ZooError's own words, else with the name of the exception."""
    said, kind = reason_of(error), type(error).__name__
    return said if isinstance(error, ZooError) or said == kind else f"{kind}: {said}"


def _layout(inputs: Any) -> Any:
    """Image batches channels-last, which convolutions are faster on; other inputs as they are."""
    if getattr(inputs, "ndim", 0) != 4:
        return inputs
    import torch

    return inputs.contiguous(memory_format=torch.channels_last)
