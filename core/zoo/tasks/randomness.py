"""Telling whether a model draws random numbers that do not follow from the seeds of its samples."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeds_alone(name: str) -> Iterator[None]:
    """Warn where the block draws from torch's global generator: what it makes cannot be made again."""
    import torch

    before = torch.get_rng_state()
    yield
    if not torch.equal(before, torch.get_rng_state()):
        warnings.warn(
            f"{name} draws random numbers that do not follow from the seeds that it is given, so its results cannot be "
            "reproduced; draw them by torch.Generator().manual_seed(seed) of each sample",
            stacklevel=3,
        )
