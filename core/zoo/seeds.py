"""Seeds: all randomness follows from a run's or a recipe's seed, never from batch size, order or worker count."""

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zoo.remarks import remark

__all__ = ["derived_seed", "sample_seed", "seed_everything"]


def sample_seed(seed: int, sample_id: str) -> int:
    """A seed in [0, 2**63) for one sample of a run."""
    digest = hashlib.blake2b(f"{seed}\0{sample_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derived_seed(seed: int, purpose: int | str) -> int:
    """A seed in [0, 2^32) for one purpose, such as an epoch; unrelated between purposes and between seeds."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")


def seed_everything(seed: int, purpose: int | str) -> int:
    """Seed the global generators of Python, NumPy and PyTorch for one purpose; returns the derived seed."""
    import numpy as np
    import torch

    derived = derived_seed(seed, purpose)
    random.seed(derived)
    np.random.seed(derived)
    torch.manual_seed(derived)
    return derived


@contextmanager
def seeded(seed: int, purpose: int | str) -> Iterator[None]:
    """The global generators seeded for the block, and after it as they were: what it draws is the same every time."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            seed_everything(seed, purpose)
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


@contextmanager
def draws_kept() -> Iterator[None]:
    """After the block the global generators are as they were, of those that are loaded: what it draws is nobody else's affair."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    before = random.getstate(), numpy and numpy.random.get_state(), torch and torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        if numpy is not None:
            numpy.random.set_state(before[1])
        if torch is not None:
            torch.set_rng_state(before[2])


@contextmanager
def seeds_alone(name: str) -> Iterator[None]:
    """Warn where the block draws from torch's global generator: what it makes cannot be made again."""
    import torch

    before = torch.get_rng_state()
    yield
    if not torch.equal(before, torch.get_rng_state()):
        remark(
            f"{name} draws random numbers that do not follow from the seeds that it is given, so its results cannot be "
            "reproduced; draw them by torch.Generator().manual_seed(seed) of each sample",
            stacklevel=3,
        )
