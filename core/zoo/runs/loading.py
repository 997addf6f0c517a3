"""Loading: samples decoded and prepared on threads, ahead of the model.

Threads, not processes: decoding and resizing release the GIL, nothing is pickled, and a crash has one plain traceback.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from zoo.cores import cores
from zoo.data.dataset import ArrayDataset, Dataset, Sample, block_of, in_one_way
from zoo.errors import ZooError, reason_of
from zoo.identity.watching import unwatched
from zoo.opening.known import Known
from zoo.remarks import hearing, listening
from zoo.seeds import SampleSeeds
from zoo.tasks.base import Batch, Task


class Room(NamedTuple):
    """What an automatic batch may have: samples, and input elements."""

    samples: int
    elements: int


ROOM = Room(256, 2**23)
"""32 MiB of float32, beyond which a CPU gains nothing."""
GPU_ROOM = Room(512, 2**26)
"""A whole shard of most tasks, with which a batch begins that is halved until it fits into a GPU's memory."""
WAITING = 0.05
"""Share of the time for which a model may wait for its batches before another thread loads."""
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
        inputs = _laid_out(self.task.collate(samples))
        return Loaded(kept, Batch(ids, inputs, targets, SampleSeeds(seed, ids)), bad, hints)

    def _block(self, positions: Sequence[int], seed: int) -> "Loaded | None":
        """The samples in one piece, where data and task can; None where they are read one by one, as where one is corrupt."""
        if not self._together:
            return None
        with suppress(Exception), hearing(self._remarks):
            block = block_of(self.dataset, positions)
            if block is not None and (inputs := self.task.together(block)) is not None:
                return Loaded(positions, Batch(block.ids, _laid_out(inputs), block.targets, SampleSeeds(seed, block.ids)))
        return None


def _laid_out(inputs: Any) -> Any:
    """Image batches channels-last, which convolutions are faster on."""
    if getattr(inputs, "ndim", 0) != 4:
        return inputs
    import torch

    return inputs.contiguous(memory_format=torch.channels_last)


@dataclass
class Threads:
    """How many threads load: as many as there are found to be needed, from `now` up to `most`; 0: whoever asks loads."""

    now: int
    most: int

    def waited(self, seconds: float, of: float) -> None:
        """Whoever predicts has waited so long for a batch, of the time since the last one: one thread more, if it mattered."""
        if seconds > WAITING * of:
            self.now = min(self.now + 1, self.most)


def load_batches(
    source: Source,
    shards: Iterable[Sequence[int]],
    size: int,
    seed: int,
    threads: Threads,
    carry: Callable[[Any], Any] | None = None,
) -> Iterator[Loaded]:
    """Batches of the shards, given as positions, shard by shard; threads stay a few batches ahead.

    Where there is something to `carry` tensors to a device, the next batch alone is there before it is asked for.
    """
    work = (positions for shard in shards for positions in cut(shard, source.dataset, size))

    def load(positions: Sequence[int]) -> Loaded:
        return source.loaded(positions, seed)

    if threads.most == 0:
        yield from map(load, work)
        return
    with ThreadPoolExecutor(threads.most, "zoo-load") as pool, ThreadPoolExecutor(1, "zoo-carry") as carrying:
        ahead: deque[Future[Loaded]] = deque()
        begun = False

        def next_one() -> Loaded:
            loaded = ahead.popleft().result()
            if carry is not None and ahead:
                ahead[0] = carrying.submit(_carried, carry, ahead[0])
            return loaded

        try:
            for positions in work:
                ahead.append(pool.submit(copy_context().run, load, positions))  # remarks and home are the context's
                if len(ahead) > threads.now + 1:
                    asked = time.perf_counter()
                    loaded = next_one()
                    came = time.perf_counter()
                    yield loaded
                    if begun:  # for the first batch everybody waits
                        threads.waited(came - asked, time.perf_counter() - asked)
                    begun = True
            while ahead:
                yield next_one()
        finally:
            for each in (pool, carrying):
                each.shutdown(wait=False, cancel_futures=True)


def _carried(carry: Callable[[Any], Any], loading: Future[Loaded]) -> Loaded:
    """A batch with its inputs on the device."""
    loaded = loading.result()
    if loaded.batch is None:
        return loaded
    return replace(loaded, batch=replace(loaded.batch, inputs=mapped(carry, loaded.batch.inputs)))


def cut(positions: Sequence[int], dataset: Dataset, size: int) -> Iterator[Sequence[int]]:
    """A shard's positions in batches; sorted by cost where it is known, so that a batch has samples of like length."""
    costs = getattr(dataset, "costs", None)
    ordered = sorted(positions, key=costs.__getitem__) if costs is not None else positions
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def auto_batch_size(samples: Reading, positions: Sequence[int], device: str = "cpu") -> int:
    """A power of two that keeps a batch within the room of a device, by the first sample that can be read; of short vectors
    `VECTORS` numbers."""
    room = GPU_ROOM if device == "cuda" else ROOM
    for position in positions:
        try:
            prepared = samples.look(position).input
        except KeyboardInterrupt:
            raise
        except BaseException:  # it is told of when its batch is read
            continue
        elements = max(1, _elements(prepared))
        most = max(room.samples, VECTORS // elements) if getattr(prepared, "ndim", 0) == 1 else room.samples
        return int(min(most, 2 ** max(0, (room.elements // elements).bit_length() - 1)))
    return 1


def loading_threads(dataset: Dataset, asked: int | None, most: int | None = None) -> Threads:
    """As many threads as are asked for; else one where samples lie in memory, since it only stacks them, and otherwise as many of
    the cores (`most`) as keep the model from waiting: while it computes they have nothing to do, as all is loaded."""
    if asked is None and not isinstance(dataset, (ArrayDataset, Known)):
        return Threads(1, most or cores())
    fixed = 1 if asked is None else asked
    return Threads(fixed, fixed)


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


def mapped(change: Callable[[Any], Any], inputs: Any) -> Any:
    """The inputs with every tensor changed, in lists and dicts too; texts and the like as they are."""
    if hasattr(inputs, "to"):
        return change(inputs)
    if isinstance(inputs, dict):
        return {name: mapped(change, column) for name, column in inputs.items()}
    return [mapped(change, item) for item in inputs] if isinstance(inputs, list) else inputs
