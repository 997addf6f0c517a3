"""masks:IMAGES:MASKS: the user's own images with a label for every pixel; and what all such datasets share."""

import hashlib
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from zoo.data import SUFFIXES, DataFiles, Sample, SampleSequence, by_key, files_below, files_sha256, on_disk, parted
from zoo.errors import DataError
from zoo.imaging import read_image
from zoo.options import options_of, split_options
from zoo.specs import DatasetSpec
from zoo_data.labels import Array, ClassList, Coding, coding_of, read_class_list

MASK_SUFFIXES = (".png", ".bmp", ".gif", ".tif", ".tiff")
CLASSES = "classes.txt"
_WRITE = "write masks:IMAGES:MASKS with the folders of the images and of their masks"


class Meaning(BaseModel, extra="forbid"):
    """Options of `masks:`."""

    ignore: str | None = Field(
        default=None,
        pattern=r"\d{1,5}|#[0-9a-fA-F]{6}",
        description="Value or colour of pixels that count for nothing; else 255.",
    )


def masks_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `masks:IMAGES:MASKS`, two folders; nothing in them is looked at yet.

    The mask of `IMAGES/a/b.jpg` is `MASKS/a/b.png` (or another lossless format): one channel, or a palette, with the index of
    a class in every pixel and 255 where a pixel is to be ignored (`masks:ignore=0:IMAGES:MASKS` names another value).
    `MASKS/classes.txt`, or one beside the two folders, names the classes, one a line, or with each its value or colour in the
    masks: `255 object`, `#804080 road`. Without it they are numbered, up to the largest label in any mask; what the values
    mean where that is not plain is said by `zoo_data.labels.coding_of`.
    """
    path = split_options(Meaning, rest, "masks")[1]
    pairs = parted(path)
    if not pairs:
        raise DataError(f"cannot read {name!r}", _WRITE)
    images, masks = map(on_disk, pairs[-1])
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}", _WRITE)
    listed = _class_list(masks)
    return DatasetSpec(
        name=name,
        summary=f"Images in {images} with masks in {masks}.",
        modality="image",
        tasks=("segment",),
        target="zoo_data.masks:open_masks",
        splits={"test": None},
        classes=listed.names if listed else None,
        licence="The user's own.",
        citation="The user's own.",
        path=f"{images}:{masks}",
    )


def open_masks(files: DataFiles, split: str) -> "LabelledImages":
    images, _, masks = (files.spec.path or "").rpartition(":")
    pairs = paired(Path(images), Path(masks))
    ignore = options_of(Meaning, files.spec.name).ignore
    classes, coding = coding_of(_class_list(Path(masks)), ignore, [mask for _, _, mask in pairs])
    return LabelledImages(pairs, classes, coding)


class LabelledImages(SampleSequence):
    """Images uint8 [3, h, w], RGB, with label maps uint8 [h, w] of the same size; 255 where a pixel is ignored.

    Both are in one frame, that in which they are stored, unless the mask has the size of the image as its EXIF turns it.
    `pairs` are (id, image, mask). A pair that cannot be decoded, differs in size, or has a value that is no class raises
    DataError when it is read, not before.
    """

    def __init__(self, pairs: Sequence[tuple[str, Path, Path]], classes: Sequence[str], coding: Coding) -> None:
        self._pairs = pairs
        self._coding = coding
        self.classes = tuple(classes)
        self.ids = [id_ for id_, _, _ in pairs]
        self.targets = _Targets(self)

    def __getitem__(self, index: int, /) -> Sample:
        id_, path, mask = self._pairs[index]
        target = self.target(index)
        image = read_image(path, size=(target.shape[0], target.shape[1]))
        if tuple(image.shape[1:]) != target.shape:
            raise DataError(
                f"the mask {mask} is {_size(target.shape)}, but its image {path} {_size(image.shape[1:])}",
                "a mask needs the size of its image",
            )
        return Sample(id_, image, target)

    def target(self, index: int) -> Array:
        """The label map of a sample, without its image."""
        return self._coding.read(self._pairs[index][2])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, ids, the meaning of values, and the content of every image and mask."""
        digest = hashlib.sha256(f"({self.classes!r}, {self.ids!r}, {self._coding.identity})".encode())
        for found in files_sha256(path for _, image, mask in self._pairs for path in (image, mask)):
            digest.update(bytes.fromhex(found))
        return digest.hexdigest()


class _Targets(Sequence[Any]):
    """The label maps of a dataset, each read when it is asked for."""

    def __init__(self, dataset: LabelledImages) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        return self._dataset.target(index)


def paired(images: Path, masks: Path) -> list[tuple[str, Path, Path]]:
    """(id, image, mask) of every image, in the order of ids, which are paths below `images` without their suffix.

    Raises DataError naming the first image without a mask, or two of one stem; a mask without an image is passed over.
    """
    known = _by_stem(masks, MASK_SUFFIXES)
    found = _by_stem(images, SUFFIXES)
    if not found:
        raise DataError(f"{images} has no images", f"images end in: {', '.join(sorted(SUFFIXES))}")
    absent = sorted(found.keys() - known.keys())
    if absent:
        first = found[absent[0]]
        raise DataError(
            f"{len(absent)} of {len(found)} images have no mask; the first is {first}",
            f"its mask would be {masks / absent[0]}.png",
        )
    return [(id_, found[id_], known[id_]) for id_ in sorted(found)]


def _class_list(masks: Path) -> ClassList | None:
    found = (path for path in (masks / CLASSES, masks.parent / CLASSES) if path.is_file())
    return next(map(read_class_list, found), None)


def _by_stem(root: Path, suffixes: Collection[str]) -> dict[str, Path]:
    shown = files_below(root, suffixes, beside=(CLASSES,))
    return by_key(shown, lambda path: path.relative_to(root).with_suffix("").as_posix())


def _size(shape: Sequence[int]) -> str:
    """Width before height, as people say it."""
    return f"{shape[1]}x{shape[0]}"
