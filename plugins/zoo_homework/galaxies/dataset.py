"""galaxy10: Galaxy10 DECaLS, read image by image from its HDF5 file, and `galaxy10:PATH`, any file of its structure."""

import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError
from zoo.specs import DatasetSpec

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TEST_SHARE = 0.2
SIDE = 256
CACHE_BYTES, LARGEST_CACHE = 16 << 20, 256 << 20
"""Bytes of chunks that HDF5 keeps unpacked: two chunks, within these bounds."""
SAME_SKY = 10.0
"""Arc seconds within which two photographs, of about 67 a side, show the same galaxy; some galaxies occur twice."""


def galaxy_file_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `galaxy10:PATH`: images uint8 [n, side, side, 3], `ans`, `ra`, `dec`, and splits as of Galaxy10, or `all`.

    Labels mean what they mean in Galaxy10, unless the file has an attribute `classes` with other names.
    """
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DataError(f"there is no file {file}", "write galaxy10:PATH with an HDF5 file of Galaxy10's structure")
    return DatasetSpec(
        name=name,
        summary=f"Galaxies of {path}.",
        requires=("h5py>=3",),
        modality="image",
        target="zoo_homework.galaxies.dataset:open_galaxy_file",
        splits={"train": None, "test": None, "all": None},
        classes=_own_classes(file),
        licence="The user's own.",
        citation="The user's own.",
        path=str(file),
    )


def open_galaxy10(files: DataFiles, split: str) -> "Galaxies":
    """One split. The published set has none: see `choose_test`."""
    (file,) = files.spec.files
    return _open(files.path(file.name), file.sha256 or "", files.spec.classes or (), split, SIDE)


def open_galaxy_file(files: DataFiles, split: str) -> "Galaxies":
    """One split of a file of the user's own; its content is hashed, since nobody has declared what it is."""
    path = Path(files.spec.path or "")
    with open(path, "rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    return _open(path, content, files.spec.classes or (), split, None)


def _open(path: Path, content: str, classes: tuple[str, ...], split: str, side: int | None) -> "Galaxies":
    labels, ra, dec = _columns(path, len(classes), side)
    groups = same_sky(ra, dec)
    test = choose_test(labels, groups, places(ra, dec)) if split != "all" else set()
    positions = [position for position in range(len(labels)) if split == "all" or (position in test) == (split == "test")]
    return Galaxies(path, content, positions, labels, groups, classes)


def places(ra: "Array", dec: "Array") -> list[str]:
    """Where each galaxy is, as text: what the split is drawn by, so that it hangs on content and not on the order of rows."""
    return [f"{a:.6f} {d:.6f}" for a, d in zip(ra.tolist(), dec.tolist(), strict=True)]


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


def choose_test(labels: "Array", groups: Sequence[int], places: Sequence[str]) -> set[int]:
    """Positions of the test split: of each class a fifth, in whole groups, in the order of a hash of their first place."""
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    room = {label: round(TEST_SHARE * int((labels == label).sum())) for label in set(labels.tolist())}
    draw = {group: hashlib.sha256(min(places[i] for i in own).encode()).hexdigest() for group, own in members.items()}
    chosen: set[int] = set()
    for group in sorted(members, key=lambda group: (draw[group], group)):
        own = members[group]
        needed = {label: sum(int(labels[i]) == label for i in own) for label in {int(labels[i]) for i in own}}
        if all(count <= room[label] for label, count in needed.items()):
            for label, count in needed.items():
                room[label] -= count
            chosen.update(own)
    return chosen


def galaxy_id(position: int) -> str:
    return f"galaxy10-{position:05}"


class Galaxies(SampleSequence):
    """Images uint8 [3, side, side], RGB, read when asked for; ids number the galaxies of the file, from `galaxy10-00000`."""

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

    def __getitem__(self, index: int, /) -> Sample:
        import torch

        image = torch.from_numpy(self._images()[self._positions[index]])
        return Sample(self.ids[index], image.permute(2, 0, 1).contiguous(), self.targets[index])

    def chunks(self) -> list[int] | None:
        """The chunk of the file that holds each sample; None where chunks hold one image, or the file has none."""
        images = self._images()
        if not images.chunks or images.chunks[0] == 1:
            return None
        return [position // images.chunks[0] for position in self._positions]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def _images(self) -> Any:
        """The images in the file, opened once a process: HDF5 handles do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            import h5py

            with h5py.File(self._path, "r") as file:
                chunk = chunk_bytes(file["images"])
            # A chunk larger than HDF5's cache (1 MB by default) would be read and unpacked anew for each of its images.
            cache = min(max(CACHE_BYTES, 2 * chunk), LARGEST_CACHE)
            # (Its other knob, rdcc_w0, stays: at 1.0 HDF5 never lets go of a chunk that was read in part.)
            self._opened = (os.getpid(), h5py.File(self._path, "r", rdcc_nbytes=cache)["images"])
        return self._opened[1]


def chunk_bytes(images: Any) -> int:
    """Bytes of one chunk of an HDF5 dataset of uint8, 0 where it lies in one piece."""
    return int(math.prod(images.chunks)) if images.chunks else 0


def _own_classes(path: Path) -> tuple[str, ...]:
    """Names of the file's attribute `classes`, else Galaxy10's."""
    from zoo_homework import GALAXIES

    try:
        import h5py

        with h5py.File(path, "r") as opened:
            named = opened.attrs.get("classes")
    except (ImportError, OSError):  # both are said when it is opened
        named = None
    return GALAXIES if named is None else tuple(str(name) for name in named)


def _columns(path: Path, classes: int, side: int | None) -> "tuple[Array, Array, Array]":
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
        height = side or images.shape[1 % len(images.shape)]
        if images.shape != (len(labels), height, height, 3) or images.dtype != np.uint8 or not len(labels) == len(ra) == len(dec):
            raise DataError(
                f"{path} has images {images.dtype} {list(images.shape)} for {len(labels)} labels and {len(ra)} places"
            )
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{path} has labels other than 0 to {classes - 1}, or none")
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        raise DataError(f"{path} has galaxies without a place on the sky")
    return labels, ra, dec
