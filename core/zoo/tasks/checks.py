"""What every task asks of what a model returns: floating-point numbers, in the expected shape, finite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import PredictionError
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from torch import Tensor

Length = int | str
"""The length of a dimension, or the letter that stands for any of at least 1."""


def check_floats(
    value: Any,
    shape: Sequence[Length],
    what: str,
    ids: Sequence[str],
    model: str,
    hint: str = "",
    *,
    double: bool = False,
) -> "Tensor":
    """The value as float32 (or float64 where `double`), if it is a finite floating-point tensor of that shape, a row a sample.

    `what` names its numbers: "logits"; `hint` is what to do where the shape is another.
    Raises PredictionError naming the samples of a violation.
    """
    import torch

    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        kind = str(value.dtype) if isinstance(value, torch.Tensor) else type(value).__name__
        raise PredictionError(f"{model} returned {kind} for {some(ids)}", f"expected a floating-point tensor of {what}", ids)
    fits = value.ndim == len(shape) and all(
        found >= 1 if isinstance(want, str) else found == want for found, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise PredictionError(
            f"{model} returned {what} of shape {list(value.shape)} for {len(ids)} samples",
            hint or f"expected [{', '.join(map(str, shape))}]; the batch begins with sample {ids[0]}",
            ids,
        )
    kept: Tensor = value.double() if double else value.float()
    refuse_where(~torch.isfinite(kept).flatten(1).all(dim=1), ids, f"{model} returned NaN or infinite {what}")
    return kept


def refuse_where(bad: "Tensor", ids: Sequence[str], what: str, hint: str = "") -> None:
    """Raise PredictionError naming those samples for which `bad`, bool [b], is true."""
    if bool(bad.any()):
        named = [ids[row] for row in bad.nonzero().flatten().tolist()]
        raise PredictionError(f"{what} for {len(named)} samples: {some(named)}", hint, named)
