"""Seeds: all randomness of an epoch follows from the recipe's seed and the epoch's number, so that a resume is exact."""

import hashlib
import random


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
