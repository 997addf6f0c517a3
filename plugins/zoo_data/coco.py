"""coco and coco:IMAGES:ANNOTATIONS: images with boxes in the format of COCO's instances."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from zoo.data import DataFiles, Sample, SampleSequence, decoded, files_sha256, on_disk, parted, plain, walk
from zoo.errors import DataError
from zoo.imaging import decode, undecodable
from zoo.remarks import remark
from zoo.specs import DatasetSpec

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
    pairs = [(on_disk(images), on_disk(annotations)) for images, annotations in parted(path)]
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
    present = {plain(path.relative_to(images).as_posix()): path for path in walk(images)}
    return CocoDataset(Instances(annotations), lambda name: present[name].read_bytes(), present, str(images))


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
    """An annotation file, read as pycocotools reads it: of entries of one id the last counts, each time that the id stands there;
    an annotation of an image or a category that is not listed counts for nothing. Both are said in a warning.

    `images` and `categories` are entries as they stand there, `of_image` the annotations by the id of their image.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = path.read_bytes()
        text = decoded(self.content, path)
        try:
            read = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not JSON: {error}", "get it again, or export it anew") from error
        images = self._entries(read, "images", {"id": (int, str), "file_name": (str,)})
        categories = self._entries(read, "categories", {"id": (int, str), "name": (str,)})
        annotations = self._entries(read, "annotations", dict.fromkeys(("id", "image_id", "category_id"), (int, str)))
        self.images = self._last(images, "images")
        self.categories = self._last(categories, "categories")
        names = Counter(category["name"] for category in self.categories)
        if twice := [name for name, count in names.items() if count > 1]:
            raise self._error(f"{len(twice)} categories share their name; the first is {twice[0]!r}")
        self.labels = {category["id"]: label for label, category in enumerate(self.categories)}
        self.of_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in self.images}
        self._assign(annotations)

    def boxes(self, image: Mapping[str, Any]) -> "Boxes":
        """The boxes of an image, in the order of the file."""
        import torch

        from zoo.tasks import Boxes

        found = self.of_image[image["id"]]
        sides = [self._box(annotation) for annotation in found]
        corners = torch.tensor(sides, dtype=torch.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        areas = [annotation.get("area", box[2] * box[3]) for annotation, box in zip(found, sides, strict=True)]
        return Boxes(
            corners.float(),
            torch.tensor([self.labels[annotation["category_id"]] for annotation in found], dtype=torch.int64),
            crowd=torch.tensor([bool(annotation.get("iscrowd", 0)) for annotation in found], dtype=torch.bool),
            area=torch.tensor(areas, dtype=torch.float64),
        )

    def _assign(self, annotations: Sequence[dict[str, Any]]) -> None:
        """Give each image its annotations."""
        last = {annotation["id"]: annotation for annotation in self._last(annotations, "annotations")}
        left_out = 0
        for annotation in annotations:
            if annotation["image_id"] not in self.of_image or annotation["category_id"] not in self.labels:
                left_out += 1
                continue
            counted = last[annotation["id"]]
            if counted["image_id"] in self.of_image and counted["category_id"] in self.labels:
                self.of_image[counted["image_id"]].append(counted)
        if left_out:
            remark(
                f"{left_out} annotations of {self.path} are of images or categories that it does not list, and count for nothing",
                stacklevel=2,
            )

    def _last(self, entries: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
        """Entries by their id, of one id the last."""
        by_id = {entry["id"]: entry for entry in entries}
        if len(by_id) < len(entries):
            first = next(id_ for id_, count in Counter(entry["id"] for entry in entries).items() if count > 1)
            remark(
                f"{len(entries) - len(by_id)} {kind} of {self.path} have an id that was given before, such as {first!r}; "
                "of each id the last counts, as in pycocotools",
                stacklevel=2,
            )
        return list(by_id.values())

    def _entries(self, read: Any, kind: str, fields: Mapping[str, tuple[type, ...]]) -> list[dict[str, Any]]:
        entries = read.get(kind) if isinstance(read, dict) else None
        if not isinstance(entries, list):
            raise self._error(f"it has no list of {kind}")
        for position, entry in enumerate(entries):
            for field, kinds in fields.items():
                if not isinstance(entry, dict) or type(entry.get(field)) not in kinds:
                    expected = " or ".join(kind.__name__ for kind in kinds)
                    raise self._error(f"entry {position} of {kind} has no {field}, or not one of type {expected}")
        return entries

    def _box(self, annotation: Mapping[str, Any]) -> list[float]:
        """x, y, width, height; of its segmentation where it has no box of its own."""
        who = f"annotation {annotation['id']}"
        box = annotation.get("bbox") or _around(annotation.get("segmentation"))
        if not isinstance(box, list) or len(box) != 4:
            found = f"{len(box)} numbers" if isinstance(box, list) else repr(box)
            raise self._error(f"the box of {who} is {found}, not the four x, y, width, height")
        for name, value in zip(("x", "y", "width", "height", "area"), (*box, annotation.get("area", 0)), strict=True):
            if type(value) not in (int, float):
                raise self._error(f"the {name} of {who} is {value!r}, which is no number")
            if not isfinite(value):
                raise self._error(f"the {name} of {who} is {value}, which is not finite")
        return box

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self.path}: {problem}", "its format is that of COCO's instances, cocodataset.org/#format-data")


def _around(segmentation: Any) -> list[float] | None:
    """The box around polygons [x1, y1, x2, y2, ...], or around a mask in COCO's run lengths; None for anything else."""
    with suppress(Exception):  # of what is no such thing
        if isinstance(segmentation, dict):
            height, width = segmentation["size"]
            return _around_runs(height, width, segmentation["counts"])
        across = [x for polygon in segmentation for x in polygon[::2]]
        down = [y for polygon in segmentation for y in polygon[1::2]]
        return [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    return None


def _around_runs(height: int, width: int, counts: Any) -> list[float]:
    """The box [x, y, w, h] around a mask in run lengths, which go down the columns and begin outside of it."""
    import numpy as np

    lengths = counts if isinstance(counts, list) else _unpacked(counts)
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height)
    columns, rows = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(columns):
        return [0.0, 0.0, 0.0, 0.0]
    return [float(side) for side in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)]


def _unpacked(counts: str | bytes) -> list[int]:
    """Run lengths from COCO's text: five bits a character, from the third on as the difference to the last but one.

    Source: `rleFrString` of pycocotools' maskApi.c.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in counts.encode() if isinstance(counts, str) else counts:
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:  # more of this number follows
            continue
        value -= (bits & 0x10) << (shift - 4)  # its sign
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths


class CocoDataset(SampleSequence):
    """Images uint8 [3, h, w], RGB, with their boxes; ids are file names, in the order of the annotation file.

    Classes are its categories in its order. Images without annotations remain, and boxes are as annotated, also those without
    area or beyond the image. An image is as stored, or turned as its EXIF says where only that has the annotated size. One
    that cannot be decoded or is not as large as the annotations say raises DataError when it is read.
    """

    def __init__(
        self, instances: Instances, read: Callable[[str], bytes], present: Mapping[str, Path] | Collection[str], where: str
    ) -> None:
        """`present` are the names that `read` knows, with their paths where they are files."""
        self._instances, self._read, self._present, self._where = instances, read, present, where
        self.classes: Sequence[str] = tuple(plain(category["name"]) for category in instances.categories)
        self._names = [plain(image["file_name"].replace("\\", "/").removeprefix("./")) for image in instances.images]
        shared = Counter(self._names)
        self.ids: Sequence[str] = [
            name if shared[name] == 1 else f"{name}#{image['id']}"
            for name, image in zip(self._names, instances.images, strict=True)
        ]
        absent = [name for name in self._names if name not in present]
        if absent:
            raise DataError(
                f"{len(absent)} of the {len(self.ids)} images of {instances.path} are not in {where}; the first is {absent[0]}",
                "put them there, or name the folder that has them",
            )
        self.targets: Sequence[Any] = [instances.boxes(image) for image in instances.images]

    def __getitem__(self, index: int, /) -> Sample:
        entry, name = self._instances.images[index], self._names[index]
        height, width = entry.get("height"), entry.get("width")
        declared = (height, width) if height and width else None
        try:
            image = decode(self._read(name), size=declared)
        except Exception as error:  # every decoder has errors of its own
            raise undecodable(f"the image {name} in {self._where}", error) from error
        found = tuple(image.shape[1:])
        if declared is not None and declared != found:
            raise DataError(
                f"it has {found[1]}x{found[0]} pixels, not the {declared[1]}x{declared[0]} of its annotations",
                f"put the image there that was annotated, or correct its width and height in {self._instances.path}",
            )
        return Sample(self.ids[index], image, self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the annotation file and the content of every image."""
        digest = hashlib.sha256(self._instances.content)
        if isinstance(self._present, Mapping):
            hashes = files_sha256(self._present[name] for name in self._names)
        else:
            hashes = [hashlib.sha256(self._read(name)).hexdigest() for name in self._names]
        for found in hashes:
            digest.update(bytes.fromhex(found))
        return digest.hexdigest()
