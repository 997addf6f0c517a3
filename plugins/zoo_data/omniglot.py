"""omniglot: handwritten characters, for retrieval over alphabets that training never saw, and for one-shot classification."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from zoo.data import ArrayDataset, DataFiles
from zoo.errors import DataError
from zoo.tasks import Place

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 105
LARGEST_MEMBER = 1 << 16
"""Bytes of a member; a drawing has some hundred."""
TRAIN, TEST, RUNS = "images_background_small1.zip", "images_background_small2.zip", "all_runs.zip"
DRAWING = re.compile(r"images_background_small[12]/(?P<alphabet>[^/]+)/(?P<character>character\d\d)/\d{4}_\d\d\.png")
ITEM = re.compile(r"run\d\d/(test/item|training/class)\d\d\.png")


def open_omniglot(files: DataFiles, split: str) -> ArrayDataset:
    """Drawings uint8 [1, 105, 105], strokes 255 on 0; a class is a character of an alphabet, `Greek/character01`.

    `train` is background set small1, five alphabets; `test` are the alphabets of small2 that small1 lacks, three of its five:
    no character of `test`, nor any other of its alphabet, is in `train`. Each split has classes of its own, numbered from 0.
    Ids are the paths in the archives.
    """
    seen: set[str] = set()
    if split == "test":
        with _opened(files, TRAIN) as archive:
            seen = {_alphabet(character) for character in _drawings(archive).values()}
    with _opened(files, TEST if split == "test" else TRAIN) as archive:
        drawings = {name: character for name, character in _drawings(archive).items() if _alphabet(character) not in seen}
        images = [decode(_read(archive, name), name) for name in drawings]
    classes = sorted(set(drawings.values()))
    number = {character: label for label, character in enumerate(classes)}
    return ArrayDataset(_stacked(images), [number[character] for character in drawings.values()], list(drawings), classes)


def open_one_shot(files: DataFiles, split: str) -> "OneShot":
    """20 runs of 20 drawings to classify (`test/item*.png`, queries) and 20 to know the classes by (`training/class*.png`).

    An episode is a run; a label is a drawing of `training`, so no two runs share one. Ids are the paths in the archive.
    """
    with _opened(files, RUNS) as archive:
        names = sorted(name for name in archive.namelist() if ITEM.fullmatch(name))
        shown = {name: label for label, name in enumerate(name for name in names if "/training/" in name)}
        answers = dict(answer for run in sorted({name[:5] for name in names}) for answer in _answers(archive, run))
        places = []
        for name in names:
            label = shown.get(name if name in shown else answers.get(name, ""))
            if label is None:
                raise DataError(f"{RUNS} does not say which class {name} is of")
            places.append(Place(label, "gallery" if name in shown else "query", name[:5]))
        images = [decode(_read(archive, name), name) for name in names]
    return OneShot(_stacked(images), places, names, list(shown))


class OneShot(ArrayDataset):
    """Drawings with their places in the episodes as targets."""

    def __init__(self, images: "Tensor", places: list[Place], ids: list[str], classes: list[str]) -> None:
        super().__init__(images, [place.label for place in places], ids, classes)
        self.fingerprint = hashlib.sha256(f"{self.fingerprint}{places}".encode()).hexdigest()
        self.targets = places  # type: ignore[assignment]


def decode(content: bytes, name: str) -> "Tensor":
    """A drawing, uint8 [1, 105, 105]: black strokes on white become 255 on 0. Raises DataError where it is none."""
    import numpy as np
    import torch
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            if image.size != (SIDE, SIDE):
                raise DataError(f"{name} is {image.size[0]}x{image.size[1]} pixels, not {SIDE}x{SIDE}")
            pixels = np.array(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} is no PNG image: {error}") from error
    return torch.from_numpy(255 - pixels).unsqueeze(0)


def _alphabet(character: str) -> str:
    return character.partition("/")[0]


def _drawings(archive: zipfile.ZipFile) -> dict[str, str]:
    """Path of each drawing to its character, `Greek/character01`, in the order of the paths."""
    found = {name: match for name in sorted(archive.namelist()) if (match := DRAWING.fullmatch(name))}
    return {name: f"{match['alphabet']}/{match['character']}" for name, match in found.items()}


def _answers(archive: zipfile.ZipFile, run: str) -> Iterator[tuple[str, str]]:
    """Path of each drawing to classify, and of the one that shows its class."""
    for line in _read(archive, f"{run}/class_labels.txt").decode().splitlines():
        item, _, shown = line.partition(" ")
        yield item, shown.strip()


@contextmanager
def _opened(files: DataFiles, name: str) -> Iterator[zipfile.ZipFile]:
    """An archive, known by its hash. Raises DataError where it is broken."""
    try:
        with zipfile.ZipFile(BytesIO(files.read(name))) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise DataError(
            f"{name} is a broken archive: {error}",
            "put a whole copy in its place, or move it elsewhere and let it be fetched again",
        ) from error


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """Content of a member, of at most LARGEST_MEMBER bytes whatever its header says."""
    with archive.open(name) as stream:
        content = stream.read(LARGEST_MEMBER + 1)
    if len(content) > LARGEST_MEMBER:
        raise DataError(f"{name} is larger than the {LARGEST_MEMBER:,} bytes that it may have")
    return content


def _stacked(images: "list[Tensor]") -> "Tensor":
    import torch

    return torch.stack(images) if images else torch.empty(0, 1, SIDE, SIDE, dtype=torch.uint8)
