"""The inputs of a split as a folder that a jailed program reads: ids, classes, texts or images. Labels are not written."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import Dataset, Sample, SampleSequence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def write_inputs(
    folder: Path, dataset: Dataset, about: Mapping[str, Any], *, samples: bool = True, order: Sequence[int] | None = None
) -> None:
    """Write the folder; the inputs themselves only where `samples` says that a submission needs them.

    `about` says what they are: `task`, `modality`, `protocol`, `classes`, and of task segment the `sizes` of the maps. In another
    `order` the ids, too, are others: the samples' own may say what they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = range(len(dataset.ids)) if order is None else order
    ids = list(dataset.ids) if order is None else [str(place) for place in range(len(rows))]
    sizes = about.get("sizes", ())
    told = {**about, "ids": ids, "sizes": [sizes[row] for row in rows] if sizes else []}
    (folder / "split.json").write_text(json.dumps(told))
    if not samples:
        return
    if isinstance(dataset[0].input, str):
        (folder / "texts.json").write_text(json.dumps([dataset[row].input for row in rows]))
        return
    if not _is_one_array(folder, dataset, rows):
        import numpy as np

        for place, row in enumerate(rows):
            np.save(folder / f"{place}.npy", dataset[row].input.numpy())


def _is_one_array(folder: Path, dataset: Dataset, rows: Sequence[int]) -> bool:
    """Write the samples as one array; False where they are of several shapes, so that they cannot be."""
    import numpy as np

    first = dataset[0].input
    shape = (len(rows), *first.shape)
    images = np.lib.format.open_memmap(folder / "arrays.npy", mode="w+", dtype=first.numpy().dtype, shape=shape)
    for row, place in sorted((row, place) for place, row in enumerate(rows)):  # read as they are stored
        found = dataset[row].input.numpy()
        if found.shape != first.shape:
            (folder / "arrays.npy").unlink()
            return False
        images[place] = found
    images.flush()
    return True


class Inputs(SampleSequence):
    """The folder, read back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        split = json.loads((folder / "split.json").read_text())
        self.ids: list[str] = split["ids"]
        self.classes: tuple[str, ...] = tuple(split["classes"])
        self.task: str = split["task"]
        self.modality: str = split["modality"]
        self.protocol: dict[str, Any] = split["protocol"]
        self.sizes: list[list[int]] = split["sizes"]

    @cached_property
    def samples(self) -> Any:
        """A list of strings, or an array [n, ...] that is read as it is used: images uint8 [n, channels, height, width].

        Of images in several sizes it is a list of arrays.
        """
        if (texts := self.folder / "texts.json").exists():
            return json.loads(texts.read_text())
        import numpy as np

        if (arrays := self.folder / "arrays.npy").exists():
            return np.load(arrays, mmap_mode="r", allow_pickle=False)
        return [np.load(self.folder / f"{row}.npy", mmap_mode="r", allow_pickle=False) for row in range(len(self.ids))]

    @property
    def targets(self) -> list[Any]:
        """Targets of the task's kind that mean nothing: a submission is not told them."""
        return [self._blank(row) for row in range(len(self.ids))]

    @property
    def fingerprint(self) -> str:
        """Nothing of a submission is kept for another time."""
        return ""

    def __getitem__(self, row: int, /) -> Sample:
        """A sample as datasets give it, with a target of the task's kind that means nothing."""
        value = self.samples[row]
        if not isinstance(value, str):
            import torch

            value = torch.from_numpy(value.copy())
        return Sample(self.ids[row], value, self._blank(row))

    def _blank(self, row: int) -> Any:
        if self.task == "segment":
            import numpy as np

            edges = self.protocol.get("kind") == "edges"
            return np.zeros((1, *self.sizes[row]) if edges else self.sizes[row], dtype=bool if edges else np.uint8)
        if self.task == "detect":
            import torch

            from zoo.tasks import Boxes

            return Boxes(torch.empty(0, 4), torch.empty(0, dtype=torch.int64))
        return 0
