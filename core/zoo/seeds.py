"""Seeds: all randomness follows from a run's or a recipe's seed, never from batch size, order or worker count."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import overload

from zoo.remarks import remark
from zoo.turns import draws_kept, seed_all, turn

__all__ = ["derived_seed", "sample_seed", "seed_everything"]


def sample_seed(seed: int, sample_id: str) -> int:
    """A seed in [0, 2**63) for one sample of a run."""
    digest = hashlib.blake2b(f"{seed}\0{sample_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class SampleSeeds(Sequence[int]):
    """The seeds of some samples of a run, each derived when it is asked for: most models never do."""

    def __init__(self, seed: int, ids: Sequence[str]) -> None:
        self._seed, self._ids = seed, ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return SampleSeeds(self._seed, self._ids[index])
        return sample_seed(self._seed, self._ids[index])


def derived_seed(seed: int, purpose: int | str) -> int:
    """A seed in [0, 2^32) for one purpose, such as an epoch; unrelated between purposes and between seeds."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")


def seed_everything(seed: int, purpose: int | str) -> int:
    """Seed the global generators of Python, NumPy and PyTorch for one purpose; returns the derived seed."""
    derived = derived_seed(seed, purpose)
    with turn():
        seed_all(derived)
    return derived


@contextmanager
def seeded(seed: int, purpose: int | str) -> Iterator[None]:
    """The global generators seeded for the block, and after it as they were: what it draws is the same every time."""
    import torch  # noqa: F401 - and with it NumPy, so that their states are kept

    with draws_kept():
        seed_everything(seed, purpose)
        yield


@contextmanager
def seeds_alone(name: str) -> Iterator[None]:
    """Warn where the block draws from torch's global generator: what it makes cannot be made again."""
    import torch

    with turn():
        before = torch.get_rng_state()
        yield
        drawn = not torch.equal(before, torch.get_rng_state())
    if drawn:
        remark(
            f"{name} draws random numbers that do not follow from the seeds that it is given, so its results cannot be "
            "reproduced; draw them by torch.Generator().manual_seed(seed) of each sample",
            stacklevel=3,
        )
