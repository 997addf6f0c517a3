"""What inputs are made of, numbers or texts: how far two are apart, and what an attack may return."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError, PredictionError
from zoo.tasks.attack.contract import Norm, Threat
from zoo.tasks.checks import check_floats, refuse_where
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-5
"""By how much, relative to eps, a norm in float64 may exceed it: float32 cannot hold every bound exactly."""
UNSCORED = "nothing of this shard is scored"


class Space(ABC):
    """A batch of inputs of one kind."""

    @abstractmethod
    def take(self, inputs: Any, rows: "Tensor") -> Any:
        """Those inputs of a batch that are at `rows`."""

    @abstractmethod
    def put(self, inputs: Any, rows: "Tensor", made: Any) -> Any:
        """A copy of the batch with `made` at `rows`."""

    @abstractmethod
    def norms(self, clean: Any, made: Any, norm: Norm) -> "Tensor":
        """The norm of each perturbation, float64 [b]."""

    @abstractmethod
    def check(self, made: Any, clean: Any, threat: Threat, ids: Sequence[str], name: str) -> None:
        """Raise PredictionError where what an attack returned is nothing of this kind, or out of the threat's range."""

    def verified_norms(self, made: Any, clean: Any, threat: Threat, ids: Sequence[str], name: str) -> "Tensor":
        """The norms, float64 [b] on the CPU, if what is made is allowed and within the bound; else PredictionError."""
        self.check(made, clean, threat, ids, name)
        norms = self.norms(clean, made, threat.norm).cpu()
        if threat.eps is not None:
            what = f"{name} left its ball: {threat.norm} of up to {float(norms.max()):.6g} where eps is {threat.eps:.6g},"
            refuse_where(norms > threat.eps * (1 + TOLERANCE), ids, what, UNSCORED)
        return norms


class Numbers(Space):
    """Images [b, c, h, w] and vectors [b, 1, 1, d]."""

    def take(self, inputs: "Tensor", rows: "Tensor") -> "Tensor":
        return inputs[rows]

    def put(self, inputs: "Tensor", rows: "Tensor", made: "Tensor") -> "Tensor":
        copy = inputs.clone()
        copy[rows] = made.detach().to(inputs.dtype)
        return copy

    def norms(self, clean: "Tensor", made: "Tensor", norm: Norm) -> "Tensor":
        return perturbation_norms(clean, made.detach(), norm)

    def check(self, made: Any, clean: "Tensor", threat: Threat, ids: Sequence[str], name: str) -> None:
        flat = check_floats(made, clean.shape, "pixels", ids, name).detach().flatten(1)
        outside = (flat.amin(1) < threat.low) | (flat.amax(1) > threat.high)
        refuse_where(outside, ids, f"{name} returned values outside [{threat.low:g}, {threat.high:g}]", UNSCORED)


class Texts(Space):
    """Lists of str."""

    def take(self, inputs: Sequence[str], rows: "Tensor") -> list[str]:
        return [inputs[row] for row in rows.tolist()]

    def put(self, inputs: Sequence[str], rows: "Tensor", made: Sequence[str]) -> list[str]:
        copy = list(inputs)
        for row, text in zip(rows.tolist(), made, strict=True):
            copy[row] = text
        return copy

    def norms(self, clean: Sequence[str], made: Sequence[str], norm: Norm) -> "Tensor":
        import torch

        units = str.split if norm == "words" else list
        pairs = zip(clean, made, strict=True)
        return torch.tensor([edit_distance(units(before), units(after)) for before, after in pairs], dtype=torch.float64)

    def check(self, made: Any, clean: Sequence[str], threat: Threat, ids: Sequence[str], name: str) -> None:
        if not isinstance(made, (list, tuple)) or len(made) != len(clean) or not all(isinstance(text, str) for text in made):
            raise PredictionError(f"{name} returned no text for each of {some(ids)}", "Attacked.inputs is a list of str", ids)
        broken = [id_ for id_, text in zip(ids, made, strict=True) if not _is_unicode(text)]
        if broken:
            raise PredictionError(f"{name} returned halves of characters for {some(broken)}", UNSCORED, broken)


def perturbation_norms(inputs: "Tensor", adversarial: "Tensor", norm: Norm) -> "Tensor":
    """Norm of adversarial - clean of each sample, float64 [b]."""
    difference = (adversarial.double() - inputs.double()).flatten(1)
    return difference.abs().amax(1) if norm == "linf" else difference.norm(dim=1)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions of elements that make the one of the other.

    Source: Wagner & Fischer 1974, after Levenshtein 1966. What both begin and end with costs nothing, and no time.
    """
    import numpy as np

    shorter = min(len(first), len(second))
    begin = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    end = next((i for i in range(shorter - begin) if first[-1 - i] != second[-1 - i]), shorter - begin)
    first, second = first[begin : len(first) - end], second[begin : len(second) - end]
    number = {unit: i for i, unit in enumerate({*first, *second})}
    columns = np.array([number[unit] for unit in second], dtype=np.int64)
    steps = np.arange(len(second) + 1)
    row = steps
    for i, unit in enumerate(first, 1):
        above = np.minimum(row[1:] + 1, row[:-1] + (columns != number[unit]))
        best = np.concatenate([[i], above])
        row = np.minimum.accumulate(best - steps) + steps  # insertions go from left to right
    return int(row[-1])


def check_length(what: str, value: float, norm: Norm, threat: Threat, shape: Sequence[int]) -> None:
    """Raise OptionError where a length, such as eps or a step, is more than any two inputs of a shape are apart in a norm.

    In [0, 1] that is 1 under linf and sqrt(d) under l2: more is a number of other units, such as 8 for 8/255.
    """
    import math

    most = (threat.high - threat.low) * (math.sqrt(math.prod(shape)) if norm == "l2" else 1)
    if value > most:
        units = f"was {value:g}/255 meant?" if (threat.low, threat.high) == (0, 1) else "is it in the units of the inputs?"
        raise OptionError(
            f"`{what}` {value:g} is more than any two inputs in [{threat.low:g}, {threat.high:g}] are apart: {most:.6g} ({norm})",
            f"{units} Then write it so; without a bound it is {most:.6g}",
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
