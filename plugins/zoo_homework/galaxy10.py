"""galaxy10: Galaxy10 DECaLS, read image by image from its HDF5 file."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import Sample
from zoo.errors import DataError
from zoo.files import DataFiles

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TEST_SHARE = 0.2
SIDE = 256
SAME_SKY = 10.0
"""Arc seconds within which two photographs, of about 67 a side, show the same galaxy; some galaxies occur twice."""


def open_galaxy10(files: DataFiles, split: str) -> "Galaxies":
    """One split. The published set has none: see `choose_test`."""
    (file,) = files.spec.files
    path = files.path(file.name)
    classes = files.spec.classes or ()
    labels, ra, dec = _columns(path, len(classes))
    groups = same_sky(ra, dec)
    test = choose_test(labels, groups)
    positions = [position for position in range(len(labels)) if (position in test) == (split == "test")]
    return Galaxies(path, file.sha256 or "", positions, labels, groups, classes)


def same_sky(ra: "Array", dec: "Array") -> list[int]:
    """Group of each photograph, named by its first member: linked where their centres are within SAME_SKY of each other.

    `ra` and `dec` are float64 [n], right ascension and declination in degrees.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    ra, dec = np.radians(ra), np.radians(dec)
    places = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    chord = 2 * np.sin(np.radians(SAME_SKY / 3600) / 2)
    first, second = cKDTree(places).query_pairs(chord, output_type="ndarray").T
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(places), len(places)))
    _, component = connected_components(links, directed=False)
    _, firsts = np.unique(component, return_index=True)
    groups: list[int] = firsts[component].tolist()
    return groups


def choose_test(labels: "Array", groups: Sequence[int]) -> set[int]:
    """Positions of the test split: of each class a fifth, in whole groups, in the order of a hash of their number."""
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    room = {label: round(TEST_SHARE * int((labels == label).sum())) for label in set(labels.tolist())}
    chosen: set[int] = set()
    for group in sorted(members, key=lambda group: hashlib.sha256(galaxy_id(group).encode()).hexdigest()):
        label = int(labels[group])
        if len(members[group]) <= room[label]:
            room[label] -= len(members[group])
            chosen.update(members[group])
    return chosen


def galaxy_id(position: int) -> str:
    return f"galaxy10-{position:05}"


class Galaxies:
    """Images uint8 [3, 256, 256], RGB, read when asked for; ids number the galaxies of the file, from `galaxy10-00000`."""

    def __init__(
        self,
        path: Path,
        content: str,
        positions: list[int],
        labels: "Array",
        groups: list[int],
        classes: tuple[str, ...],
    ) -> None:
        self.classes = classes
        self.ids = [galaxy_id(position) for position in positions]
        self.targets = labels[positions].tolist()
        self.groups = [groups[position] for position in positions]
        self.fingerprint = hashlib.sha256(repr((content, self.ids, self.targets, classes)).encode()).hexdigest()
        self._path = path
        self._positions = positions
        self._opened: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int, /) -> Sample:
        import torch

        image = torch.from_numpy(self._images()[self._positions[index]])
        return Sample(self.ids[index], image.permute(2, 0, 1).contiguous(), self.targets[index])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def _images(self) -> Any:
        """The images in the file, opened once a process: HDF5 handles do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            import h5py

            self._opened = (os.getpid(), h5py.File(self._path, "r")["images"])
        return self._opened[1]


def _columns(path: Path, classes: int) -> "tuple[Array, Array, Array]":
    """Labels int64, right ascension and declination in degrees; checks that the images are there and well-formed."""
    import h5py
    import numpy as np

    with h5py.File(path, "r") as opened:
        missing = {"images", "ans", "ra", "dec"} - set(opened)
        if missing:
            raise DataError(f"{path} has no columns {', '.join(sorted(missing))}", "the file is not Galaxy10 DECaLS")
        labels = opened["ans"][:].astype(np.int64)
        ra, dec = opened["ra"][:].astype(np.float64), opened["dec"][:].astype(np.float64)
        images = opened["images"]
        if images.shape != (len(labels), SIDE, SIDE, 3) or images.dtype != np.uint8 or not len(labels) == len(ra) == len(dec):
            raise DataError(
                f"{path} has images {images.dtype} {list(images.shape)} for {len(labels)} labels and {len(ra)} places"
            )
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{path} has labels other than 0 to {classes - 1}, or none")
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        raise DataError(f"{path} has galaxies without a place on the sky")
    return labels, ra, dec
