"""coco and coco:IMAGES:ANNOTATIONS: images with boxes in the format of COCO's instances."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError, reason_of
from zoo.specs import DatasetSpec
from zoo_data.folder import decode_content

if TYPE_CHECKING:
    from zoo.tasks import Boxes

ANNOTATIONS = "annotations/instances_val2017.json"
IMAGES = "val2017"
_WRITE = "write coco:IMAGES:ANNOTATIONS with the folder of the images and the JSON file of their boxes"


def coco_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `coco:IMAGES:ANNOTATIONS`; nothing in them is looked at yet."""
    images, annotations = split_paths(path)
    return DatasetSpec(
        name=name,
        summary=f"Images in {images} with the boxes in {annotations}.",
        modality="image",
        tasks=("detect",),
        target="zoo_data.coco:open_own",
        splits={"test": None},
        licence="The user's own.",
        citation="The user's own.",
        path=f"{images}:{annotations}",
    )


def split_paths(path: str) -> tuple[Path, Path]:
    """IMAGES and ANNOTATIONS, either of which may itself have a colon. Raises DataError unless just one reading is there."""
    cuts = [position for position, letter in enumerate(path) if letter == ":"]
    pairs = [(_absolute(path[:cut]), _absolute(path[cut + 1 :])) for cut in cuts if path[:cut] and path[cut + 1 :]]
    if not pairs:
        raise DataError(f"cannot read coco:{path}: it names no annotations", _WRITE)
    whole = [(images, annotations) for images, annotations in pairs if images.is_dir() and annotations.is_file()]
    if len(whole) > 1:
        raise DataError(f"coco:{path} can be read in {len(whole)} ways", "rename what has a colon in its name")
    if not whole:
        images, annotations = pairs[-1]
        absent = f"there is no folder {images}" if not images.is_dir() else f"there is no file {annotations}"
        raise DataError(absent, _WRITE)
    return whole[0]


def open_own(files: DataFiles, split: str) -> "CocoDataset":
    return open_pair(*split_paths(files.spec.path or ""))


def open_pair(images: Path, annotations: Path) -> "CocoDataset":
    """A folder of images, and the file of their annotations."""
    present = {path.relative_to(images).as_posix() for path in images.rglob("*") if path.is_file()}
    return CocoDataset(Instances(annotations), lambda name: (images / name).read_bytes(), present, str(images))


def open_coco(files: DataFiles, split: str) -> "CocoDataset":
    """The official layout, `val2017/` beside `annotations/`; or the images as they are in the archive."""
    annotations = files.path(ANNOTATIONS)
    folder = annotations.parent.parent / IMAGES
    if folder.is_dir():
        return open_pair(folder, annotations)
    archive = ZipFile(files.path(f"{IMAGES}.zip"))
    present = {name.removeprefix(f"{IMAGES}/") for name in archive.namelist()}
    return CocoDataset(Instances(annotations), lambda name: archive.read(f"{IMAGES}/{name}"), present, str(archive.filename))


class Instances:
    """An annotation file, checked: every image, category and annotation is whole, and refers only to what is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = path.read_bytes()
        try:
            read = json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not JSON: {error}", "get it again, or export it anew") from error
        self.images = self._entries(read, "images", {"id": int, "file_name": str, "height": int, "width": int})
        self.categories = self._entries(read, "categories", {"id": int, "name": str})
        annotations = self._entries(read, "annotations", {"id": int, "image_id": int, "category_id": int, "bbox": list})
        for entries, kind, key in (
            (self.images, "images", "id"),
            (self.images, "images", "file_name"),
            (self.categories, "categories", "id"),
            (self.categories, "categories", "name"),
            (annotations, "annotations", "id"),
        ):
            twice = [value for value, count in Counter(entry[key] for entry in entries).items() if count > 1]
            if twice:
                raise self._error(f"{len(twice)} {kind} share their {key}; the first is {twice[0]!r}")
        self.of_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in self.images}
        self.labels = {category["id"]: label for label, category in enumerate(self.categories)}
        for annotation in annotations:
            self._check(annotation)
            self.of_image[annotation["image_id"]].append(annotation)

    def boxes(self, image: Mapping[str, Any]) -> "Boxes":
        """The boxes of an image, in the order of the file."""
        import torch

        from zoo.tasks import Boxes

        found = self.of_image[image["id"]]
        corners = torch.tensor([annotation["bbox"] for annotation in found], dtype=torch.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        areas = [annotation.get("area", annotation["bbox"][2] * annotation["bbox"][3]) for annotation in found]
        return Boxes(
            corners.float(),
            torch.tensor([self.labels[annotation["category_id"]] for annotation in found], dtype=torch.int64),
            crowd=torch.tensor([bool(annotation.get("iscrowd", 0)) for annotation in found], dtype=torch.bool),
            area=torch.tensor(areas, dtype=torch.float64),
        )

    def _entries(self, read: Any, kind: str, fields: Mapping[str, type]) -> list[dict[str, Any]]:
        entries = read.get(kind) if isinstance(read, dict) else None
        if not isinstance(entries, list):
            raise self._error(f"it has no list of {kind}")
        for position, entry in enumerate(entries):
            for field, kind_of in fields.items():
                if not isinstance(entry, dict) or type(entry.get(field)) is not kind_of:
                    raise self._error(f"entry {position} of {kind} has no {field}, or not one of type {kind_of.__name__}")
        return entries

    def _check(self, annotation: Mapping[str, Any]) -> None:
        who = f"annotation {annotation['id']}"
        if annotation["image_id"] not in self.of_image:
            raise self._error(f"{who} is of image {annotation['image_id']}, which is missing")
        if annotation["category_id"] not in self.labels:
            raise self._error(f"{who} is of category {annotation['category_id']}, which is missing")
        box = annotation["bbox"]
        if len(box) != 4:
            raise self._error(f"the box of {who} has {len(box)} numbers, not the four x, y, width, height")
        for name, value in zip(("x", "y", "width", "height", "area"), (*box, annotation.get("area", 0)), strict=True):
            if type(value) not in (int, float):
                raise self._error(f"the {name} of {who} is {value!r}, which is no number")
            if not isfinite(value):
                raise self._error(f"the {name} of {who} is {value}, which is not finite")

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self.path}: {problem}", "its format is that of COCO's instances, cocodataset.org/#format-data")


class CocoDataset(SampleSequence):
    """Images uint8 [3, h, w], RGB, with their boxes; ids are file names, in the order of the annotation file.

    Classes are its categories in its order. Images without annotations remain. An image that cannot be decoded or is not as
    large as the annotations say raises DataError when it is read.
    """

    def __init__(self, instances: Instances, read: Callable[[str], bytes], present: set[str], where: str) -> None:
        self._instances, self._read, self._where = instances, read, where
        self.classes: Sequence[str] = tuple(category["name"] for category in instances.categories)
        self.ids: Sequence[str] = [image["file_name"] for image in instances.images]
        absent = [name for name in self.ids if name not in present]
        if absent:
            raise DataError(
                f"{len(absent)} of the {len(self.ids)} images of {instances.path} are not in {where}; the first is {absent[0]}",
                "put them there, or name the folder that has them",
            )
        self.targets: Sequence[Any] = [instances.boxes(image) for image in instances.images]

    def __getitem__(self, index: int, /) -> Sample:
        from zoo.tasks import check_boxes

        entry = self._instances.images[index]
        try:
            image = decode_content(self._read(self.ids[index]))
        except Exception as error:  # every decoder has errors of its own
            raise DataError(
                f"cannot decode the image {self.ids[index]} in {self._where}: {reason_of(error)}",
                "replace it",
            ) from error
        declared, found = (entry["height"], entry["width"]), tuple(image.shape[1:])
        if declared != found:
            raise DataError(
                f"it has {found[1]}x{found[0]} pixels, not the {declared[1]}x{declared[0]} of its annotations",
                "annotate the image as it is",
            )
        instances = self._instances
        check_boxes(
            self.targets[index],
            len(self.classes),
            *declared,
            lambda box: f"annotation {instances.of_image[entry['id']][box]['id']} of {instances.path}",
        )
        return Sample(self.ids[index], image, self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the annotation file and the content of every image."""
        digest = hashlib.sha256(self._instances.content)
        for name in self.ids:
            digest.update(hashlib.sha256(self._read(name)).digest())
        return digest.hexdigest()


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()
