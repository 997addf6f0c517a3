"""Attacks in stages: which stage felled each sample, as the attack tells it and as the core has found it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.errors import PredictionError

if TYPE_CHECKING:
    from torch import Tensor


class Stages(NamedTuple):
    """The names of the stages in order, none of an attack without; for each sample the name of that which felled it, empty where
    none did; and who fell to a simple stage after one that follows gradients had failed."""

    names: tuple[str, ...]
    felled_by: list[str]
    overtaken: list[bool]

    def spread(self, told: "Stages", rows: Sequence[int]) -> "Stages":
        """These with what was told of some rows of the batch."""
        felled_by, overtaken = list(self.felled_by), list(self.overtaken)
        for row, by, simple in zip(rows, told.felled_by, told.overtaken, strict=True):
            felled_by[row], overtaken[row] = by, simple
        return Stages(told.names, felled_by, overtaken)


def no_stages(count: int) -> Stages:
    return Stages((), [""] * count, [False] * count)


def staged(attacked: Any, fooled: "Tensor", ids: Sequence[str], name: str) -> Stages:
    """The stages of the samples that were attacked, of which the core found bool [b] `fooled`.

    Where attack and core disagree, the core is right: who stands was felled by none, and who fell unnoticed, by the last.
    Raises PredictionError where there is no stage for each sample.
    """
    names = tuple(getattr(attacked, "stages", ()))
    if not names:
        return no_stages(len(ids))
    places, overtaken = (_each(getattr(attacked, told, None), len(ids)) for told in ("felled_by", "overtaken"))
    if len(places) != len(ids) or len(overtaken) != len(ids) or not all(-1 <= place < len(names) for place in places):
        raise PredictionError(
            f"{name} has {len(names)} stages and does not say for each of {len(ids)} samples which of them felled it",
            "Attacked.felled_by holds for each sample the place of a stage in Attacked.stages, from 0, or -1",
            ids,
        )
    fell = fooled.tolist()
    return Stages(
        names,
        [names[place] if down else "" for place, down in zip(places, fell, strict=True)],
        [bool(simple and down) for simple, down in zip(overtaken, fell, strict=True)],
    )


def _each(values: Any, count: int) -> list[Any]:
    if values is None:
        return [0] * count
    return list(values.tolist() if hasattr(values, "tolist") else values)
