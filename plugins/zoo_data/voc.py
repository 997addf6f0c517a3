"""voc:PATH: images with boxes in the layout and XML of PASCAL VOC."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from pydantic import BaseModel, Field

from zoo.data import (
    SUFFIXES,
    DataFiles,
    Sample,
    SampleSequence,
    by_key,
    files_below,
    files_sha256,
    on_disk,
    plain,
    pointer_problem,
    read_lines,
)
from zoo.errors import DataError
from zoo.imaging import open_picture, read_image
from zoo.options import options_of, split_options
from zoo.remarks import remark
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets
from zoo_data.corners import Box, Corners, corners_of, edges_of

if TYPE_CHECKING:
    from zoo.tasks import Boxes

LARGEST = 2**20
"""Bytes of an annotation file: a thousand objects take a third of it."""
OFFICIAL = ("train", "val", "trainval", "test")
_LAYOUT = "PATH holds JPEGImages/, Annotations/*.xml and, where there are splits, ImageSets/Main/SPLIT.txt"


class Object(NamedTuple):
    """An object as annotated; what its corners are, `zoo_data.corners` says."""

    name: str
    corners: Box
    difficult: bool


class Annotation(NamedTuple):
    """What a file says of an image; `size` is height and width, 0 where it does not say."""

    objects: list[Object]
    size: tuple[int, int]


class Reading(BaseModel, extra="forbid"):
    """Options of `voc:`."""

    corners: Corners | None = Field(
        default=None, description="1 or 0: pixels counted from it; edges: outer edges, counted from 0."
    )


def voc_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `voc:PATH`. Splits are the lists in `ImageSets/Main` that are of no single class, or else `test`, of all.

    `voc:corners=edges:PATH` says how corners are counted where the annotations do not show it: see `zoo_data.corners`.
    """
    path = split_options(Reading, rest, "voc")[1]
    root = _root(path)
    return DatasetSpec(
        name=name,
        summary=f"Images with boxes in {without_secrets(path)}.",
        modality="image",
        tasks=("detect",),
        target="zoo_data.voc:open_voc",
        splits=dict.fromkeys(_splits(root) or ["test"]),
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
    )


def open_voc(files: DataFiles, split: str) -> "VocDataset":
    return VocDataset(_root(files.spec.path or ""), split, options_of(Reading, files.spec.name).corners)


class VocDataset(SampleSequence):
    """Images uint8 [3, h, w], RGB, with their boxes; ids are file names, in the order of the split's list.

    Classes are the sorted names of all objects in `Annotations`, whatever the split; `corners` says how all their corners are
    counted, None that they show it themselves. Difficult objects are crowds: neither found nor missed. An image is as stored,
    or turned as its EXIF says where only that has the annotated size.
    """

    def __init__(self, root: Path, split: str, corners: Corners | None = None) -> None:
        annotations = by_key(files_below(root / "Annotations", (".xml",), deep=False), lambda path: path.stem)
        images = by_key(files_below(root / "JPEGImages", SUFFIXES, deep=False), lambda path: path.stem)
        names = _listed(root, split, annotations.keys() | images.keys()) if _splits(root) else list(annotations)
        for kind, held in (("annotation", annotations), ("image", images)):
            absent = [name for name in names if name not in held]
            if absent:
                raise DataError(
                    f"{len(absent)} of {len(names)} samples of {root} have no {kind}; the first is {absent[0]}", _LAYOUT
                )
        if not _splits(root) and (bare := images.keys() - annotations.keys()):
            remark(f"{len(bare)} images of {root} have no annotation and are passed over", stacklevel=2)
        read = {name: read_annotation(path) for name, path in annotations.items()}
        self.corners = corners or corners_of(_sized(read, images), root)
        self.classes: Sequence[str] = tuple(sorted({found.name for row in read.values() for found in row.objects}))
        label_of = {name: label for label, name in enumerate(self.classes)}
        self._images = [images[name] for name in names]
        self._annotations = [annotations[name] for name in names]
        self._sizes = [read[name].size for name in names]
        self.ids: Sequence[str] = [plain(path.name) for path in self._images]
        self.targets: Sequence[Any] = [_boxes(read[name].objects, label_of, self.corners) for name in names]

    def __getitem__(self, index: int, /) -> Sample:
        image = read_image(self._images[index], size=self._sizes[index])
        corners = self.targets[index].boxes
        turned = (corners[:, 2:] < corners[:, :2]).any(dim=1).nonzero().flatten().tolist()
        if turned:
            where = f"object {turned[0] + 1} of {self._annotations[index]}"
            raise DataError(f"the box of {where} ends left of or above where it begins", "correct the box")
        return Sample(self.ids[index], image, self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the classes, ids, how corners are counted, and the content of every image and annotation."""
        digest = hashlib.sha256(repr((self.classes, self.ids, self.corners)).encode())
        for found in files_sha256((*self._images, *self._annotations)):
            digest.update(bytes.fromhex(found))
        return digest.hexdigest()


def _sized(read: Mapping[str, Annotation], images: Mapping[str, Path]) -> list[tuple[Box, tuple[int, int]]]:
    """Every box beside the size of its image, which is looked up where it matters and the annotation does not say it."""
    matters = any(min(found.corners[:2]) < 1 for one in read.values() for found in one.objects)
    boxes: list[tuple[Box, tuple[int, int]]] = []
    for name, (objects, size) in read.items():
        if matters and not all(size) and name in images:
            with suppress(Exception), open_picture(images[name].read_bytes()) as picture:  # else it is named when it is read
                size = picture.height, picture.width
        boxes += [(found.corners, size) for found in objects]
    return boxes


def read_annotation(path: Path) -> Annotation:
    """What an annotation file says. Raises DataError where it is too large, no XML, declares a DOCTYPE, or lacks a part.

    A DOCTYPE is what entities that expand without end are declared in; annotations have none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        content = path.read_bytes()
        if pointer := pointer_problem(content):
            raise DataError(f"cannot read the annotation {path}: {pointer[0]}", pointer[1])
        checker = expat.ParserCreate()
        checker.StartDoctypeDeclHandler = _refuse_doctype
        checker.Parse(content, True)
        read = ElementTree.fromstring(content)
        return Annotation([_object(found) for found in read.iter("object")], (_side(read, "height"), _side(read, "width")))
    except (OSError, ValueError, expat.ExpatError, ElementTree.ParseError) as error:
        raise DataError(f"cannot read the annotation {path}: {error}", "correct it, or take it off the split's list") from error


def _object(found: ElementTree.Element) -> Object:
    name = plain((found.findtext("name") or "").strip())
    if not name:
        raise ValueError("an object has no name")
    texts = [found.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
    if None in texts:
        raise ValueError(f"the box of a {name} lacks a corner")
    left, top, right, bottom = (float(text or "nan") for text in texts)
    if not all(map(isfinite, (left, top, right, bottom))):
        raise ValueError(f"the box of a {name} has a corner that is no finite number")
    return Object(name, (left, top, right, bottom), (found.findtext("difficult") or "0").strip() == "1")


def _side(read: ElementTree.Element, name: str) -> int:
    text = (read.findtext(f"size/{name}") or "").strip()
    return int(text) if text.isdecimal() else 0


def _boxes(objects: Sequence[Object], label_of: Mapping[str, int], corners: Corners) -> "Boxes":
    import torch

    from zoo.tasks import Boxes

    return Boxes(
        torch.tensor([edges_of(found.corners, corners) for found in objects], dtype=torch.float32).reshape(-1, 4),
        torch.tensor([label_of[found.name] for found in objects], dtype=torch.int64),
        crowd=torch.tensor([found.difficult for found in objects], dtype=torch.bool),
    )


def _refuse_doctype(*_: Any) -> None:
    raise ValueError("it declares a DOCTYPE, which could expand without end")


def _root(path: str) -> Path:
    root = on_disk(path)
    for folder in ("JPEGImages", "Annotations"):
        if not (root / folder).is_dir():
            raise DataError(f"there is no folder {root / folder}", _LAYOUT)
    return root


def _lists(root: Path) -> dict[str, Path]:
    return by_key(files_below(root / "ImageSets/Main", (".txt",), deep=False), lambda path: path.stem)


def _splits(root: Path) -> list[str]:
    """Names of the lists, the official ones first; those like `aeroplane_train.txt` say which images hold a class."""
    whole = [name for name in _lists(root) if not any(name.endswith(f"_{split}") for split in OFFICIAL)]
    return [name for name in OFFICIAL if name in whole] + [name for name in whole if name not in OFFICIAL]


def _listed(root: Path, split: str, known: Collection[str]) -> list[str]:
    """The samples of a list, a line each, which may end in a number that says whether it holds an object."""
    lines = [plain(line) for line in read_lines(_lists(root)[split])]
    return [line if line in known else re.sub(r"\s+-?[01]$", "", line) for line in lines]
