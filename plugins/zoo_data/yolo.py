"""yolo:PATH: images with boxes as YOLO's trainers have them: a text file of normalised boxes an image, and a data.yaml."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data import SUFFIXES, DataFiles, Sample, SampleSequence, decoded, files_below, files_sha256, on_disk, plain
from zoo.errors import DataError
from zoo.imaging import open_picture, read_image, take_orientation, undecodable
from zoo.remarks import remark
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets

if TYPE_CHECKING:
    from zoo.tasks import Boxes

SPLITS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
"""Split to its keys in data.yaml."""
LAYOUT = "PATH holds data.yaml with names, and train, val or test: folders of images, with labels/ beside images/"
SLACK = 1e-3
"""How far beyond the image's edge a box may reach by rounding."""


def yolo_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `yolo:PATH`, a folder with a data.yaml, or that file; images are not looked at yet."""
    root, told = _told(path)
    return DatasetSpec(
        name=name,
        summary=f"Images with boxes in {without_secrets(path)}.",
        modality="image",
        tasks=("detect",),
        target="zoo_data.yolo:open_yolo",
        splits=dict.fromkeys(_folders(root, told)),
        classes=_names(root, told),
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
    )


def open_yolo(files: DataFiles, split: str) -> "YoloDataset":
    """The images of a split, each with the boxes of `labels/…/NAME.txt`; one without such a file shows nothing."""
    root, told = _told(files.spec.path or "")
    images = [image for folder in _folders(root, told)[split] for image in _images(folder)]
    if not images:
        raise DataError(f"split {split} of {root} has no images", LAYOUT)
    return YoloDataset(root.parent, images, _names(root, told))


class YoloDataset(SampleSequence):
    """Images uint8 [3, h, w], RGB, turned as their EXIF says, which is what their boxes are measured on; ids are paths.

    A line is `class x y width height`, the centre and the sides as shares of the image's; of a polygon, `class x1 y1 x2 y2 …`,
    the box around it counts, and a line that stands twice counts once, both as in Ultralytics.
    """

    def __init__(self, root: Path, images: list[Path], classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._images = sorted(images)
        self.ids = [_id(image, root) for image in self._images]
        self._labels = [_label_file(image) for image in self._images]
        self._twice = 0
        self.targets = [self._boxes(image, label) for image, label in zip(self._images, self._labels, strict=True)]
        if self._twice:
            remark(f"{self._twice} boxes below {root} stand there twice, and count once", stacklevel=1)

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], read_image(self._images[index], upright=True), self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, ids, and the content of images and labels."""
        labels = [path.read_bytes() if path.is_file() else b"" for path in self._labels]
        rows = (self.classes, self.ids, files_sha256(self._images, unreadable="unreadable"), labels)
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def _boxes(self, image: Path, path: Path) -> "Boxes":
        import torch

        from zoo.tasks import Boxes

        lines = decoded(path.read_bytes(), path).splitlines() if path.is_file() else []
        rows = [_row(line, number, path, len(self.classes)) for number, line in enumerate(lines, 1) if line.strip()]
        once = list(dict.fromkeys(rows))
        self._twice += len(rows) - len(once)
        height, width = _size(image) if once else (1, 1)
        corners = torch.tensor([row[1:] for row in once], dtype=torch.float64).reshape(-1, 4)
        corners *= torch.tensor([width, height, width, height], dtype=torch.float64)
        return Boxes(corners.float(), torch.tensor([row[0] for row in once], dtype=torch.int64))


def _row(line: str, number: int, path: Path, classes: int) -> tuple[int, float, float, float, float]:
    """Label, and x1 y1 x2 y2 as shares of the image's sides. Raises DataError naming the line."""

    def refuse(problem: str) -> DataError:
        return DataError(f"{path}, line {number}: {problem}", "write: class x y width height, as shares of the image's sides")

    try:
        label, *values = (float(word) for word in line.split())
    except ValueError:
        raise refuse("it holds what is no number") from None
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise refuse(f"{len(values)} numbers follow the class, neither a box nor a polygon")
    if label != int(label) or not 0 <= label < classes:
        raise refuse(f"the class {label:g} is none of 0 to {classes - 1}")
    if not all(isfinite(value) and -SLACK <= value <= 1 + SLACK for value in values):
        raise refuse("a number is not in [0, 1]")
    if len(values) == 4:
        x, y, width, height = values
        return int(label), x - width / 2, y - height / 2, x + width / 2, y + height / 2
    across, down = values[::2], values[1::2]
    return int(label), min(across), min(down), max(across), max(down)


def _size(image: Path) -> tuple[int, int]:
    """Height and width as its EXIF turns it; only the header is read."""
    try:
        with open_picture(image.read_bytes()) as picture:
            size = picture.size
            return size if take_orientation(picture) >= 5 else size[::-1]
    except Exception as error:
        raise undecodable(f"the image {image}", error) from error


def _told(path: str) -> tuple[Path, Mapping[str, Any]]:
    """The data.yaml and what it says."""
    import yaml

    given = on_disk(path)
    known = [given] if given.is_file() else sorted([*given.glob("data.yaml"), *given.glob("data.yml")])
    if not known:
        absent = f"{given} has no data.yaml" if given.is_dir() else f"there is no folder {given}"
        raise DataError(absent, LAYOUT)
    try:
        told = yaml.safe_load(decoded(known[0].read_bytes(), known[0]))
    except yaml.YAMLError as error:
        raise DataError(f"{known[0]} is no YAML", LAYOUT) from error
    if not isinstance(told, dict):
        raise DataError(f"{known[0]} holds no names and folders", LAYOUT)
    return known[0], told


def _names(root: Path, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Class names by number: a list, or a map from 0, 1, … to names."""
    names = told.get("names")
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or len({str(name) for name in names}) < len(names):
        raise DataError(
            f"{root} does not name the classes, each once", "write names: [first, second], in the order of their numbers"
        )
    return tuple(plain(str(name)) for name in names)


def _folders(root: Path, told: Mapping[str, Any]) -> dict[str, list[Path]]:
    """Split to its folders of images, or lists of them; those that are not there are no splits."""
    base = Path(str(told.get("path") or ".")).expanduser()
    base = base if base.is_absolute() and base.is_dir() else root.parent / base
    base = base if base.is_dir() else root.parent  # where the dataset was moved
    found: dict[str, list[Path]] = {}
    for split, keys in SPLITS.items():
        value: Any = next((told[key] for key in keys if told.get(key)), [])
        texts = [value] if isinstance(value, str) else [str(text) for text in value]
        paths = [path for text in texts if (path := _at(base, text)) is not None]
        if paths:
            found[split] = paths
    if not found:
        raise DataError(f"no folder of images that {root} names is there", LAYOUT)
    return found


def _at(base: Path, text: str) -> Path | None:
    """A folder or list by the name that data.yaml gives it; Roboflow's `../train/images` means the one beside it, too."""
    names = [base / text, base / text.removeprefix("../")]
    return next((path for path in names if path.exists()), None)


def _images(folder: Path) -> list[Path]:
    if folder.is_dir():
        return files_below(folder, SUFFIXES)
    lines = decoded(folder.read_bytes(), folder).splitlines()
    return [folder.parent / line.strip() for line in lines if line.strip()]


def _label_file(image: Path) -> Path:
    """The file beside: the last folder `images` of the path is `labels` there."""
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _id(image: Path, root: Path) -> str:
    return plain(image.relative_to(root).as_posix() if image.is_relative_to(root) else image.as_posix())
