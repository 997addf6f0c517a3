"""The inputs of a split as a folder that a jailed program reads: ids, classes, texts or images. Labels are not written."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import Dataset, Sample
from zoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def write_inputs(
    folder: Path, dataset: Dataset, classes: Sequence[str], *, samples: bool = True, order: Sequence[int] | None = None
) -> None:
    """Write the folder; the inputs themselves only where `samples` says that a submission needs them.

    In another `order` the ids, too, are others: the samples' own may say what they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = range(len(dataset.ids)) if order is None else order
    ids = list(dataset.ids) if order is None else [str(place) for place in range(len(rows))]
    (folder / "split.json").write_text(json.dumps({"ids": ids, "classes": list(classes)}))
    if not samples:
        return
    first = dataset[0].input
    if isinstance(first, str):
        (folder / "texts.json").write_text(json.dumps([dataset[row].input for row in rows]))
        return
    import numpy as np

    shape = (len(rows), *first.shape)
    images = np.lib.format.open_memmap(folder / "arrays.npy", mode="w+", dtype=first.numpy().dtype, shape=shape)
    for row, place in sorted((row, place) for place, row in enumerate(rows)):  # read as they are stored
        sample = dataset[row]
        if sample.input.shape != first.shape:
            raise DataError(
                f"{sample.id} is {list(sample.input.shape)}, others {list(first.shape)}", "images must be of one size"
            )
        images[place] = sample.input.numpy()
    images.flush()


class Inputs:
    """The folder, read back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        split = json.loads((folder / "split.json").read_text())
        self.ids: list[str] = split["ids"]
        self.classes: tuple[str, ...] = tuple(split["classes"])

    @property
    def modality(self) -> str:
        """What a submission is told of what it gets: `text`, `image` or `vector`."""
        if (self.folder / "texts.json").exists():
            return "text"
        return "image" if self.samples.ndim == 4 else "vector"

    @cached_property
    def samples(self) -> Any:
        """A list of strings, or an array [n, ...] that is read as it is used: images uint8 [n, channels, height, width]."""
        if (texts := self.folder / "texts.json").exists():
            return json.loads(texts.read_text())
        import numpy as np

        return np.load(self.folder / "arrays.npy", mmap_mode="r", allow_pickle=False)

    @property
    def targets(self) -> list[int]:
        """Targets that mean nothing: a submission is not told them."""
        return [0] * len(self.ids)

    @property
    def fingerprint(self) -> str:
        """Nothing of a submission is kept for another time."""
        return ""

    def __getitem__(self, row: int, /) -> Sample:
        """A sample as datasets give it, with a target that means nothing."""
        value = self.samples[row]
        if not isinstance(value, str):
            import torch

            value = torch.from_numpy(value.copy())
        return Sample(self.ids[row], value, 0)
