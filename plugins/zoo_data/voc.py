"""voc:PATH: images with boxes in the layout and XML of PASCAL VOC."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError, reason_of
from zoo.specs import DatasetSpec
from zoo_data.folder import SUFFIXES, decode
from zoo_data.reading import by_key, read_lines

if TYPE_CHECKING:
    from zoo.tasks import Boxes

LARGEST = 2**20
"""Bytes of an annotation file: a thousand objects take a third of it."""
OFFICIAL = ("train", "val", "trainval", "test")
_LAYOUT = "PATH holds JPEGImages/, Annotations/*.xml and, where there are splits, ImageSets/Main/SPLIT.txt"


class Object(NamedTuple):
    """An object as annotated: corners are pixels, counted from 1, and belong to the object."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool


def voc_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `voc:PATH`. Splits are the lists in `ImageSets/Main` that are of no single class, or else `test`, of all."""
    root = _root(path)
    return DatasetSpec(
        name=name,
        summary=f"Images with boxes in {path}.",
        modality="image",
        tasks=("detect",),
        target="zoo_data.voc:open_voc",
        splits=dict.fromkeys(_splits(root) or ["test"]),
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
    )


def open_voc(files: DataFiles, split: str) -> "VocDataset":
    return VocDataset(_root(files.spec.path or ""), split)


class VocDataset(SampleSequence):
    """Images uint8 [3, h, w], RGB, with their boxes; ids are file names, in the order of the split's list.

    Classes are the sorted names of all objects in `Annotations`, whatever the split. A pixel counted from 1 that belongs to
    the object becomes the pixel's outer edge, so a box's width is xmax - xmin + 1. Difficult objects are crowds: neither
    found nor missed.
    """

    def __init__(self, root: Path, split: str) -> None:
        annotations = {path.stem: path for path in sorted((root / "Annotations").glob("*.xml"))}
        found = (path for path in (root / "JPEGImages").iterdir() if path.suffix.lower() in SUFFIXES)
        images = by_key(found, lambda path: path.stem)
        names = _listed(root, split) if _splits(root) else list(annotations)
        for kind, held in (("annotation", annotations), ("image", images)):
            absent = [name for name in names if name not in held]
            if absent:
                raise DataError(
                    f"{len(absent)} of {len(names)} samples of {root} have no {kind}; the first is {absent[0]}", _LAYOUT
                )
        objects = {name: read_objects(path) for name, path in annotations.items()}
        self.classes: Sequence[str] = tuple(sorted({found.name for row in objects.values() for found in row}))
        label_of = {name: label for label, name in enumerate(self.classes)}
        self._images = [images[name] for name in names]
        self._annotations = [annotations[name] for name in names]
        self.ids: Sequence[str] = [path.name for path in self._images]
        self.targets: Sequence[Any] = [_boxes(objects[name], label_of) for name in names]

    def __getitem__(self, index: int, /) -> Sample:
        from zoo.tasks import check_boxes

        path = self._images[index]
        try:
            image = decode(path)
        except Exception as error:  # every decoder has errors of its own
            raise DataError(f"cannot decode the image {path}: {reason_of(error)}", "replace or remove it") from error
        height, width = image.shape[1:]
        annotation = self._annotations[index]
        check_boxes(self.targets[index], len(self.classes), height, width, lambda box: f"object {box + 1} of {annotation}")
        return Sample(self.ids[index], image, self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the classes, ids, and the content of every image and annotation."""
        digest = hashlib.sha256(repr((self.classes, self.ids)).encode())
        for path in (*self._images, *self._annotations):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def read_objects(path: Path) -> list[Object]:
    """The objects of an annotation file. Raises DataError where it is too large, no XML, declares a DOCTYPE, or lacks a part.

    A DOCTYPE is what entities that expand without end are declared in; annotations have none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        content = path.read_bytes()
        checker = expat.ParserCreate()
        checker.StartDoctypeDeclHandler = _refuse_doctype
        checker.Parse(content, True)
        return [_object(found) for found in ElementTree.fromstring(content).iter("object")]
    except (OSError, ValueError, expat.ExpatError, ElementTree.ParseError) as error:
        raise DataError(f"cannot read the annotation {path}: {error}", "replace it, or take it off the split's list") from error


def _object(found: ElementTree.Element) -> Object:
    name = (found.findtext("name") or "").strip()
    if not name:
        raise ValueError("an object has no name")
    texts = [found.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
    if None in texts:
        raise ValueError(f"the box of a {name} lacks a corner")
    left, top, right, bottom = (float(text or "nan") for text in texts)
    return Object(name, (left, top, right, bottom), (found.findtext("difficult") or "0").strip() == "1")


def _boxes(objects: Sequence[Object], label_of: dict[str, int]) -> "Boxes":
    import torch

    from zoo.tasks import Boxes

    corners = torch.tensor([found.corners for found in objects], dtype=torch.float32).reshape(-1, 4)
    corners[:, :2] -= 1
    return Boxes(
        corners,
        torch.tensor([label_of[found.name] for found in objects], dtype=torch.int64),
        crowd=torch.tensor([found.difficult for found in objects], dtype=torch.bool),
    )


def _refuse_doctype(*_: Any) -> None:
    raise ValueError("it declares a DOCTYPE, which could expand without end")


def _root(path: str) -> Path:
    root = Path(path).expanduser().absolute()
    for folder in ("JPEGImages", "Annotations"):
        if not (root / folder).is_dir():
            raise DataError(f"there is no folder {root / folder}", _LAYOUT)
    return root


def _splits(root: Path) -> list[str]:
    """Names of the lists, the official ones first; those like `aeroplane_train.txt` say which images hold a class."""
    found = sorted(path.stem for path in (root / "ImageSets/Main").glob("*.txt"))
    whole = [name for name in found if not any(name.endswith(f"_{split}") for split in OFFICIAL)]
    return [name for name in OFFICIAL if name in whole] + [name for name in whole if name not in OFFICIAL]


def _listed(root: Path, split: str) -> list[str]:
    return [line.split()[0] for line in read_lines(root / f"ImageSets/Main/{split}.txt")]
