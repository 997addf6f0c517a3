"""bsds500: photographs with the boundaries that five people or more have drawn in each."""

import hashlib
import tarfile
from collections.abc import Callable, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import DataFiles, Sample, SampleSequence, pointer_problem, walk
from zoo.errors import DataError
from zoo.imaging import open_picture, undecodable

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
Read = Callable[[], bytes]

ARCHIVE = "BSR_bsds500.tgz"
LARGEST = 1 << 25
"""Bytes of a photograph or a drawing, beyond which nothing is unpacked."""


def open_bsds(files: DataFiles, split: str) -> "Boundaries":
    """Photographs 481x321 or 321x481 with the boundaries of every annotator; ids are the names of the files.

    Looks for folders `images` and `groundTruth` (in them, or in their folder of the split), else reads the official archive.
    However many images are there are taken: the record names the number, and the fingerprint the content.
    """
    for inside in ((f"images/{split}", f"groundTruth/{split}"), ("images", "groundTruth")):
        root = files.find_folder(*inside)
        if root is None:
            continue
        found = {path.relative_to(root).as_posix(): path for part in inside for path in walk(root / part, deep=False)}
        if found and split in (inside[0].rpartition("/")[2], "test"):
            return Boundaries({name: path.read_bytes for name, path in found.items()}, str(root))
    archive = files.path(ARCHIVE)
    return Boundaries(_members(archive, split), str(archive))


class Boundaries(SampleSequence):
    """Photographs uint8 [3, h, w] and boundary maps bool [annotators, h, w].

    `files` are path to content. A drawing that is absent, cannot be read or has another size than its photograph raises
    DataError naming it; an absent one when the dataset is opened.
    """

    classes = None

    def __init__(self, files: dict[str, Read], place: str) -> None:
        self._place = place
        self._images = {PurePosixPath(name).stem: name for name in files if name.lower().endswith((".jpg", ".png"))}
        self._drawings = {PurePosixPath(name).stem: name for name in files if name.lower().endswith(".mat")}
        self._files = files
        self.ids = sorted(self._images)
        if not self.ids:
            raise DataError(f"{place} has no photographs", "put the .jpg files into its folder images")
        absent = [id_ for id_ in self.ids if id_ not in self._drawings]
        if absent:
            first = self._images[absent[0]]
            raise DataError(
                f"{len(absent)} of {len(self.ids)} photographs in {place} have no drawing; the first is {first}",
                f"its drawing would be {absent[0]}.mat in the folder groundTruth",
            )
        self.targets: Sequence[Any] = _Targets(self)

    def __getitem__(self, index: int, /) -> Sample:
        id_ = self.ids[index]
        image, target = self._image(id_), self.target(index)
        if tuple(image.shape[1:]) != target.shape[1:]:
            raise DataError(
                f"the drawing {self._drawings[id_]} in {self._place} is {list(target.shape[1:])} (height, width), "
                f"its photograph {list(image.shape[1:])}"
            )
        return Sample(id_, image, target)

    def target(self, index: int) -> Array:
        """The boundaries of a photograph, by every annotator: bool [a, h, w]."""
        name = self._drawings[self.ids[index]]
        return parse_drawings(self._files[name](), f"{self._place}/{name}")

    def _image(self, id_: str) -> "Tensor":
        import torch

        name = self._images[id_]
        try:
            with open_picture(self._files[name]()) as opened:
                return torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1).contiguous()
        except Exception as error:  # every decoder has errors of its own
            raise undecodable(f"the photograph {self._place}/{name}", error) from error

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content of every photograph and drawing."""
        digest = hashlib.sha256()
        for id_ in self.ids:
            for name in (self._images[id_], self._drawings[id_]):
                digest.update(f"{id_}{hashlib.sha256(self._files[name]()).hexdigest()}".encode())
        return digest.hexdigest()


class _Targets(Sequence[Any]):
    """The boundaries of a dataset, read when they are asked for."""

    def __init__(self, dataset: Boundaries) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        return self._dataset.target(index)


def parse_drawings(content: bytes, name: str) -> Array:
    """The maps `groundTruth{i}.Boundaries` of a MATLAB file, bool [a, h, w]. Raises DataError for anything else.

    scipy parses the format (version 5, no HDF5) into arrays and runs nothing in it.
    """
    from scipy.io import loadmat

    if pointer := pointer_problem(content):
        raise DataError(f"cannot read {name}: {pointer[0]}", pointer[1])
    try:
        cells = loadmat(BytesIO(content), variable_names=["groundTruth"])["groundTruth"].reshape(-1)
        maps = [np.asarray(cell["Boundaries"][0, 0]) for cell in cells]
    except Exception as error:  # scipy has errors of many kinds for files that are damaged
        raise DataError(f"{name} holds no groundTruth with Boundaries: {type(error).__name__}: {error}") from error
    if not maps or any(map_.ndim != 2 or map_.shape != maps[0].shape for map_ in maps):
        raise DataError(f"{name} holds no boundary maps of one size", "the file is damaged; get it again")
    return np.asarray(np.stack(maps) != 0)


def _members(archive: Path, split: str) -> dict[str, Read]:
    """The photographs and drawings of a split in the official archive, in memory: some 20 MB."""
    found: dict[str, Read] = {}
    wanted = (f"BSR/BSDS500/data/images/{split}/", f"BSR/BSDS500/data/groundTruth/{split}/")
    try:
        with tarfile.open(archive, "r|*") as tar:
            for entry in tar:
                stream = tar.extractfile(entry) if entry.name.startswith(wanted) and entry.isfile() else None
                if stream is not None and entry.size <= LARGEST:
                    found[entry.name] = BytesIO(stream.read()).getvalue
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"{archive} is a broken archive: {error}",
            "put a whole copy in its place, or move it elsewhere and let it be fetched again",
        ) from error
    return found
