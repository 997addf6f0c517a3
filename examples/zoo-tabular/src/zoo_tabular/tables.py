"""The tables that scikit-learn brings, split for good: every class gives three tenths of its rows to the test."""

import hashlib
from typing import Any

import numpy as np
import torch

from zoo.data import ArrayDataset, DataFiles

THIRDS = (100.0, 184.0)
"""Of diabetes: up to the first progression is little, up to the second middling."""
TEST = 0.3


def open_table(files: DataFiles, split: str) -> ArrayDataset:
    """Vectors float32 [d] in the units of the source. Ids are `row-N`, counted from 1 in the source's order.

    In the test are the rows of each class whose ids have the smallest SHA-256, so that no generator decides.
    """
    x, y, classes = _read(files.spec.name.rpartition("/")[2])
    ids = [f"row-{number}" for number in range(1, len(y) + 1)]
    places = sorted(range(len(ids)), key=lambda i: hashlib.sha256(ids[i].encode()).hexdigest())
    test = set[int]()
    for label in range(len(classes)):
        own = [i for i in places if y[i] == label]
        test |= set(own[: round(TEST * len(own))])
    chosen = [i for i in range(len(ids)) if (i in test) == (split == "test")]
    return ArrayDataset(
        torch.from_numpy(x[chosen].astype(np.float32)), [int(y[i]) for i in chosen], [ids[i] for i in chosen], classes
    )


def _read(name: str) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]", tuple[str, ...]]:
    """Features float64 [n, d], labels int64 [n], names of the classes."""
    from sklearn import datasets

    if name == "diabetes":
        table = datasets.load_diabetes(scaled=False)
        return table.data, np.searchsorted(THIRDS, table.target), ("little", "middling", "far")
    table = {"breast-cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}[name]()
    return table.data, table.target, tuple(str(one) for one in table.target_names)
