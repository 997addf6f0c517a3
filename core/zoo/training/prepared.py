"""Training samples as a trainer takes them: prepared once, exactly as in evaluation, and indexed batch by batch."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from zoo.data.dataset import Dataset
from zoo.errors import DataError, ZooError
from zoo.runs.loading import Loaded
from zoo.seeds import sample_seed
from zoo.tasks.base import Batch, Task

if TYPE_CHECKING:
    from torch import Generator, Tensor

MEMORY_LIMIT = 1 << 30
"""Bytes of prepared samples that are kept in memory; beyond, each batch is prepared when it is drawn."""


class Prepared:
    """The samples of a dataset behind `batch(indices)`.

    Images of uint8 are kept as uint8, a quarter of the memory; a batch is float32 in [0, 1] all the same, bit for bit what
    the task's own `prepare` returns.
    """

    def __init__(self, dataset: Dataset, task: Task) -> None:
        self.dataset = dataset
        self.task = task
        self.costs: Sequence[float] | None = getattr(dataset, "costs", None)
        self._cache = self._load() if self._fits() else None

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
        """Inputs at some positions: float32 [b, ...] on the CPU, or a list of b strings."""
        positions = indices.tolist() if hasattr(indices, "tolist") else list(indices)
        if self._cache is None:
            return self._collate([self._prepare(position)[0] for position in positions])
        if isinstance(self._cache, list):
            return [self._cache[position] for position in positions]
        return _as_float(self._cache[positions])

    def loaded(self, positions: Sequence[int], seed: int) -> Loaded:
        """The batch at some positions as a run takes it."""
        ids = [self.dataset.ids[position] for position in positions]
        targets = [self.dataset.targets[position] for position in positions]
        return Loaded(positions, Batch(ids, self.batch(positions), targets, [sample_seed(seed, id_) for id_ in ids]))

    def batches(self, drawn: "Sequence[Tensor]") -> "Iterator[tuple[Tensor, Any]]":
        """Each batch's indices and inputs. What is not in memory is prepared one batch ahead, on another thread."""
        if self._cache is not None:
            yield from ((indices, self.batch(indices)) for indices in drawn)
            return
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(self.batch, drawn[0])
            for indices, after in zip_longest(drawn, drawn[1:]):
                inputs = following.result()
                if after is not None:
                    following = pool.submit(self.batch, after)
                yield indices, inputs

    def _fits(self) -> bool:
        inputs, _ = self._prepare(0)
        return isinstance(inputs, str) or inputs.numel() * inputs.element_size() * len(self) <= MEMORY_LIMIT

    def _load(self) -> "Tensor | list[str]":
        first, compact = self._prepare(0)
        if isinstance(first, str):
            return [self._prepare(position)[0] for position in range(len(self))]
        import torch

        cache = torch.empty((len(self), *first.shape), dtype=torch.uint8 if compact else first.dtype)
        for position in range(len(self)):
            inputs, compact_too = self._prepare(position)
            if inputs.shape != first.shape or compact_too != compact:
                self._collate([first, inputs])
                raise DataError(f"sample {self.dataset.ids[position]} is of another type than {self.dataset.ids[0]}")
            cache[position] = (inputs * 255).round_() if compact else inputs
        return cache

    def _prepare(self, position: int) -> tuple[Any, bool]:
        """A prepared input, and whether it was made of uint8."""
        import torch

        try:
            sample = self.dataset[position]
            prepared = self.task.prepare(sample).input
        except ZooError:
            raise
        except Exception as error:
            raise DataError(
                f"sample {self.dataset.ids[position]} is corrupt: {type(error).__name__}: {error}",
                "repair or remove it, then train again",
            ) from error
        return prepared, isinstance(sample.input, torch.Tensor) and sample.input.dtype == torch.uint8

    def _collate(self, inputs: list[Any]) -> Any:
        if len({tuple(item.shape) for item in inputs if not isinstance(item, str)}) > 1:
            raise DataError(
                f"training images differ in size: {list(inputs[0].shape)}, {list(inputs[-1].shape)}, ...",
                "give the recipe an input with a size",
            )
        import torch

        return inputs if isinstance(inputs[0], str) else torch.stack(inputs)


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
