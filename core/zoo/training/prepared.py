"""Training samples as a trainer takes them: prepared once, exactly as in evaluation, and indexed batch by batch."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from zoo.data.dataset import Dataset, Sample
from zoo.errors import DataError, ZooError
from zoo.runs.loading import Loaded
from zoo.tasks.base import Batch, Task
from zoo.training.checking import sizes_differ

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor

MEMORY_LIMIT = 1 << 30
"""Bytes of prepared samples that are kept in memory; beyond, each batch is prepared when it is drawn."""


class Prepared:
    """The samples of a dataset behind `batch(indices)`, each batch as the task itself puts it together.

    Images of uint8 are kept as uint8, a quarter of the memory; a batch is float32 in [0, 1] all the same, bit for bit what
    the task's own `prepare` returns.
    """

    def __init__(self, dataset: Dataset, task: Task) -> None:
        self.dataset = dataset
        self.task = task
        self.costs: Sequence[float] | None = getattr(dataset, "costs", None)
        self._cache = self._load()

    @cached_property
    def targets(self) -> "Tensor":
        """Targets in the order of the samples: labels int64 [n], or maps of one size [n, ...] in their own type."""
        import torch

        targets = list(self.dataset.targets)
        if any(getattr(target, "shape", ()) for target in targets):
            return torch.stack([torch.as_tensor(target) for target in targets])
        return torch.tensor([int(target) for target in targets])

    def __len__(self) -> int:
        return len(self.dataset.ids)

    def batch(self, indices: "Tensor | Sequence[int]") -> Any:
        """Inputs at some positions, on the CPU: float32 [b, ...], a list of b strings, or what else the task collates."""
        positions = indices.tolist() if hasattr(indices, "tolist") else list(indices)
        if self._cache is None:
            return self._collate([self._prepare(position)[0] for position in positions])
        if isinstance(self._cache, list):
            return [self._cache[position] for position in positions]
        return _as_float(self._cache[positions])

    def loaded(self, positions: Sequence[int], seed: int) -> Loaded:
        """The batch at some positions as a run takes it; seeds are positions, as when the shipped weights were made."""
        ids = [self.dataset.ids[position] for position in positions]
        targets = [self.dataset.targets[position] for position in positions]
        return Loaded(positions, Batch(ids, self.batch(positions), targets, list(positions)))

    def batches(self, drawn: "Sequence[Tensor]") -> "Iterator[tuple[Tensor, Any]]":
        """Each batch's indices and inputs. What is not in memory is prepared one batch ahead, on another thread."""
        if self._cache is not None:
            yield from ((indices, self.batch(indices)) for indices in drawn)
            return
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(copy_context().run, self.batch, drawn[0])
            for indices, after in zip_longest(drawn, drawn[1:]):
                inputs = following.result()
                if after is not None:
                    following = pool.submit(copy_context().run, self.batch, after)
                yield indices, inputs

    def _load(self) -> "Tensor | list[str] | None":
        """All inputs, where they are texts, or tensors of one size that fit into memory together."""
        import torch

        first, of_bytes = self._prepare(0)
        if isinstance(first.input, str):
            return [self._prepare(position)[0].input for position in range(len(self))]
        one = self.task.collate([first])
        if not isinstance(one, torch.Tensor) or one.numel() * one.element_size() * len(self) > MEMORY_LIMIT:
            return None
        cache = self._filled(first, of_bytes, one, torch.uint8 if of_bytes else one.dtype)
        return self._filled(first, of_bytes, one, one.dtype) if cache is None else cache

    def _filled(self, first: Sample, of_bytes: bool, one: "Tensor", dtype: "torch.dtype") -> "Tensor | None":
        """The inputs of all samples, each of the type and shape of the first; None where 8 bits do not hold what a task makes of
        theirs, such as noise that it adds."""
        import torch

        cache = torch.empty((len(self), *one.shape[1:]), dtype=dtype)
        for position in range(len(self)):
            sample, of_bytes_too = self._prepare(position)
            if sample.input.shape != first.input.shape or of_bytes_too != of_bytes:
                self._collate([first, sample])
                raise DataError(f"sample {sample.id} is of another type than {first.id}")
            cache[position] = (sample.input * 255).round_() if dtype == torch.uint8 else sample.input
            if dtype == torch.uint8 and not torch.equal(_as_float(cache[position]), sample.input):
                return None
        return cache

    def _prepare(self, position: int) -> tuple[Sample, bool]:
        """A prepared sample, and whether its input was made of uint8."""
        import torch

        try:
            sample = self.dataset[position]
            prepared = self.task.prepare(sample)
        except ZooError:
            raise
        except Exception as error:
            raise DataError(
                f"sample {self.dataset.ids[position]} is corrupt: {type(error).__name__}: {error}",
                "put a whole copy in its place, then train again",
            ) from error
        return prepared, isinstance(sample.input, torch.Tensor) and sample.input.dtype == torch.uint8

    def _collate(self, samples: list[Sample]) -> Any:
        """A batch as the task makes it. Raises DataError where it would be one tensor but for samples of another size."""
        import torch

        inputs = self.task.collate(samples)
        if not isinstance(inputs, torch.Tensor) and isinstance(self.task.collate(samples[:1]), torch.Tensor):
            raise sizes_differ({tuple(sample.input.shape): sample.id for sample in samples})
        return inputs


def draw_batches(samples: int, size: int, costs: Sequence[float] | None, generator: "Generator") -> "list[Tensor]":
    """Positions 0..samples-1 in random order, cut into batches of `size`.

    Where samples have costs (lengths), 16 batches at a time are sorted by them before they are cut, and the batches are
    shuffled, so that little is padded. A last batch of a single sample is left out: batch normalisation cannot use it.
    """
    import torch

    order = torch.randperm(samples, generator=generator)
    if costs is not None:
        cost = torch.tensor(costs)
        order = torch.cat([part[cost[part].argsort(stable=True)] for part in _cut(order, 16 * size)])
    batches = [batch for batch in _cut(order, size) if len(batch) > 1 or samples == 1 or size == 1]
    if costs is not None:
        batches = [batches[i] for i in torch.randperm(len(batches), generator=generator)]
    return batches


def _cut(order: "Tensor", size: int) -> "list[Tensor]":
    return [order[start : start + size] for start in range(0, len(order), size)]


def _as_float(inputs: "Tensor") -> "Tensor":
    import torch

    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs
