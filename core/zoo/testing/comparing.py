"""How far two decoded predictions of one sample are apart, on one scale for all tasks."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """The largest difference over all columns: 0 equal, 1 as different as can be.

    Of floating-point numbers the largest absolute difference, as a share of the largest absolute value (1 at least); of
    pictures and label maps (uint8) the mean over pixels, of 255; of all else, and of what differs in shape, whether it differs.
    """
    return max((_apart(first[name], second[name]) for name in first), default=0.0)


def _apart(first: Any, second: Any) -> float:
    a, b = np.asarray(first), np.asarray(second)
    if a.dtype == object and a.shape == b.shape:
        return max((_apart(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True)), default=0.0)
    if a.shape != b.shape:
        return 1.0
    if not a.size:
        return 0.0
    if a.dtype == np.uint8:
        return float(np.abs(a.astype(int) - b.astype(int)).mean() / 255)
    if np.issubdtype(a.dtype, np.floating):
        return float(min(1.0, np.abs(a - b).max() / max(1.0, np.abs(a).max())))
    return float((a != b).any())
