"""Rows of numbers as a column of lists, and back."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from torch import Tensor

FLOATS = pa.list_(pa.float32())
"""Type of a column of float32 rows."""


def to_lists(rows: "Tensor") -> pa.Array:
    """Numbers [n, d] as a column of n lists, of the numbers' own type."""
    flat = rows.cpu().contiguous().numpy()
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1)))


def from_lists(column: pa.ChunkedArray, width: int | None = None) -> np.ndarray[Any, Any]:
    """A column of lists of one length as an array [n, d]; `width` is d where there are no rows (None: 0)."""
    lists, n = column.combine_chunks(), len(column)
    # As `flatten` does, which imports pyarrow.compute for it.
    first, last = (lists.offsets[0].as_py(), lists.offsets[-1].as_py()) if n else (0, 0)
    flat = np.asarray(lists.values.slice(first, last - first).to_numpy(zero_copy_only=False))
    return flat.reshape(n, -1) if n else flat.reshape(0, width or 0)
