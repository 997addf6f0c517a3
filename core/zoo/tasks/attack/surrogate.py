"""A transfer attack: whether what is made on one classifier can be put before another."""

from collections.abc import Sequence
from typing import Literal

from zoo.errors import ModelError
from zoo.tasks.base import DataInfo, ModelInfo
from zoo.tasks.classes import scored_outputs, some


def check_surrogate(surrogate: ModelInfo, victim: ModelInfo, data: DataInfo, which: Literal["all", "dataset"]) -> None:
    """Raise ModelError where a surrogate's scored classes are not the victim's, by name, or its images are of another shape."""
    theirs, own = (_scored_classes(info, data, which) for info in (victim, surrogate))
    if lacking := [name for name in theirs if name not in own]:
        raise _other_classes(surrogate, victim, f"it has no output for {some(lacking)}", which)
    if more := [name for name in own if name not in theirs]:
        raise _other_classes(surrogate, victim, f"only it has outputs for {some(more)}", which)
    if victim.input is None or surrogate.input is None:
        return
    shape = (victim.input.channels, *(victim.input.size or (None, None)))
    if None not in shape:
        check_shape(surrogate, victim, [length for length in shape if length is not None])


def check_shape(surrogate: ModelInfo, victim: ModelInfo, shape: Sequence[int]) -> None:
    """Raise ModelError where the surrogate declares other channels or another size than images [c, h, w] of the victim have."""
    want = surrogate.input
    if want is None or len(shape) != 3:
        return
    declared = (want.channels or shape[0], *(want.size or shape[1:]))
    if declared != tuple(shape):
        own, theirs = ("x".join(map(str, sizes)) for sizes in (declared, shape))
        raise ModelError(
            f"the surrogate {surrogate.name} takes images of {own}, the victim {victim.name} is attacked at {theirs}",
            "an adversarial image is made at the victim's own size and channels: take a surrogate of the same",
        )


def _scored_classes(info: ModelInfo, data: DataInfo, which: Literal["all", "dataset"]) -> tuple[str, ...]:
    """Names of the outputs of a model that compete, those of the dataset's classes in its spelling."""
    outputs, classes = scored_outputs(info, data, which), data.classes or ()
    names = info.classes if isinstance(info.classes, tuple) else classes
    columns = range(outputs.count) if outputs.columns is None else outputs.columns
    return (*classes, *(names[column] for column in list(columns)[len(classes) :]))


def _other_classes(surrogate: ModelInfo, victim: ModelInfo, what: str, which: str) -> ModelError:
    alone = "" if which == "dataset" else '; `outputs` "dataset" lets the classes of the dataset alone compete'
    return ModelError(
        f"the surrogate {surrogate.name} has other classes than the victim {victim.name}: {what}",
        f"take a surrogate of the victim's classes{alone}",
    )
