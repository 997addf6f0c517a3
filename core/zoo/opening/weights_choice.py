"""Which of a model's weights to take: the tag of `model@tag`, the dataset, or a file of the user's own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import DataError, WeightsError
from zoo.plugins.checking import no_such_weights
from zoo.specs import ModelSpec, Weights
from zoo.storage.address import is_address


def own_file(weights: str | os.PathLike[str] | None) -> Path | None:
    """The weights file of the user's own that is named; of one at an address a copy on this machine. Raises WeightsError."""
    if not weights:
        return None
    if not is_address(os.fspath(weights)):
        return Path(weights)
    from zoo.data.copies import on_disk

    try:
        return on_disk(weights)
    except DataError as error:
        raise WeightsError(error.message, error.hint) from error


def uri_of(file: Path) -> str:
    """What a record says of where a weights file of the user's own is: `file:///path`, or the address of which it is a copy."""
    from zoo.data.copies import address_of

    return address_of(file.absolute()) or file.absolute().as_uri()


@dataclass(frozen=True)
class Choice:
    """Which of a model's weights to take: a tag, a dataset whose name picks the tag, or a file of the user's own.

    `key` says which of several sets in a file, `classes` names the outputs in order (see `given_classes`).
    """

    tag: str | None = None
    dataset: str = ""
    file: Path | None = None
    allow_pickle: bool = False
    data_dir: str | os.PathLike[str] | None = field(default=None, repr=False)
    key: str | None = None
    classes: Sequence[str] | str | os.PathLike[str] | None = None


def choose_weights(spec: ModelSpec, choice: Choice) -> tuple[str | None, Weights | None]:
    """Tag and weights: by tag, else by the dataset's bare name, else the only ones there are."""
    tags = ", ".join(spec.weights)
    if choice.tag is not None:
        if choice.tag not in spec.weights:
            raise no_such_weights(spec.name, choice.tag, spec.weights)
        return choice.tag, spec.weights[choice.tag]
    bare = choice.dataset.rpartition("/")[2]
    if bare in spec.weights:
        return bare, spec.weights[bare]
    if len(spec.weights) == 1:
        return next(iter(spec.weights.items()))
    if spec.weights and choice.file is None:
        raise WeightsError(
            f"{spec.name} has several weights" + (f", none of them for {bare}" if bare else ""),
            f"name one: {spec.name}@TAG with TAG of {tags}",
        )
    return None, None
