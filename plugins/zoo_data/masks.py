"""masks:IMAGES:MASKS: the user's own images with a label for every pixel; and what all such datasets share."""

import hashlib
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError, reason_of
from zoo.specs import DatasetSpec
from zoo_data.folder import SUFFIXES, decode
from zoo_data.reading import by_key, read_lines

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]

IGNORE = 255
"""The label of a pixel that counts for nothing, as `zoo.tasks.segment` has it."""
MASK_SUFFIXES = (".png", ".bmp", ".gif", ".tif", ".tiff")


def masks_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `masks:IMAGES:MASKS`, two folders; nothing in them is looked at yet.

    The mask of `IMAGES/a/b.jpg` is `MASKS/a/b.png` (or another lossless format): one channel, or a palette, with the index of
    a class in every pixel and 255 where a pixel is to be ignored. `MASKS/classes.txt`, or one beside the two folders, names
    the classes, one a line; without it they are numbered, up to the largest label in any mask.
    """
    images, colon, masks = path.rpartition(":")
    if not (colon and images and masks):
        raise DataError(f"cannot read {name!r}", "write masks:IMAGES:MASKS with the folders of the images and of their masks")
    for folder in (images, masks):
        if not _absolute(folder).is_dir():
            raise DataError(f"there is no folder {_absolute(folder)}", "write masks:IMAGES:MASKS with two folders")
    return DatasetSpec(
        name=name,
        summary=f"Images in {images} with masks in {masks}.",
        modality="image",
        tasks=("segment",),
        target="zoo_data.masks:open_masks",
        splits={"test": None},
        classes=_class_names(_absolute(masks)),
        licence="The user's own.",
        citation="The user's own.",
        path=f"{_absolute(images)}:{_absolute(masks)}",
    )


def open_masks(files: DataFiles, split: str) -> "LabelledImages":
    images, _, masks = (files.spec.path or "").rpartition(":")
    pairs = paired(Path(images), Path(masks))
    classes = files.spec.classes or _numbered([mask for _, _, mask in pairs])
    return LabelledImages(pairs, classes)


class LabelledImages(SampleSequence):
    """Images uint8 [3, h, w], RGB, with label maps uint8 [h, w] of the same size; 255 where a pixel is ignored.

    `pairs` are (id, image, mask). `void` are labels that the files use for pixels to be ignored. A pair that cannot be
    decoded, differs in size, or has a label that is no class raises DataError when it is read, not before.
    """

    def __init__(self, pairs: Sequence[tuple[str, Path, Path]], classes: Sequence[str], void: Sequence[int] = ()) -> None:
        self._pairs = pairs
        self._void = void
        self.classes = tuple(classes)
        self.ids = [id_ for id_, _, _ in pairs]
        self.targets = _Targets(self)

    def __getitem__(self, index: int, /) -> Sample:
        id_, path, mask = self._pairs[index]
        image, target = decode_image(path), self.target(index)
        if tuple(image.shape[1:]) != target.shape:
            raise DataError(
                f"the mask {mask} is {_size(target.shape)}, but its image {path} {_size(image.shape[1:])}",
                "a mask needs the size of its image",
            )
        return Sample(id_, image, target)

    def target(self, index: int) -> Array:
        """The label map of a sample, without its image."""
        path = self._pairs[index][2]
        mask = read_mask(path)
        for label in self._void:
            mask[mask == label] = IGNORE
        unknown = np.flatnonzero(np.bincount(mask.reshape(-1), minlength=256)[:IGNORE][len(self.classes) :])
        if len(unknown):
            labels = ", ".join(str(len(self.classes) + int(label)) for label in unknown[:5])
            raise DataError(
                f"the mask {path} has unknown labels: {labels}",
                f"there are {len(self.classes)} classes, so labels are 0 to {len(self.classes) - 1}, and 255 to ignore a pixel",
            )
        return mask

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, ids, and the content of every image and mask."""
        digest = hashlib.sha256(repr((self.classes, self.ids, tuple(self._void))).encode())
        for _, image, mask in self._pairs:
            for path in (image, mask):
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
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


def decode_image(path: Path) -> "Tensor":
    """The image in a file, uint8 [3, h, w]. Raises DataError naming it."""
    try:
        return decode(path)
    except Exception as error:  # every decoder has errors of its own
        raise DataError(f"cannot decode the image {path}: {reason_of(error)}", "replace or remove it") from error


def read_mask(path: Path) -> Array:
    """The labels in a mask, uint8 [h, w]: grey values or palette indices. Raises DataError naming the file."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            mode, mask = opened.mode, np.array(opened)
    except Exception as error:
        raise DataError(f"cannot decode the mask {path}: {reason_of(error)}", "replace or remove it") from error
    if mask.ndim != 2:
        raise DataError(
            f"the mask {path} is a picture of mode {mode}, not one label a pixel", "save class indices in one channel"
        )
    if mask.dtype != np.uint8:
        if mask.min() < 0 or mask.max() > IGNORE:
            raise DataError(f"the mask {path} has a label {mask.max()}, more than 255", "a label map holds 255 classes at most")
        mask = mask.astype(np.uint8)
    return mask


def _numbered(masks: Sequence[Path]) -> tuple[str, ...]:
    """Names for classes that nobody named: their numbers, up to the largest label in any mask."""
    largest = -1
    for path in masks:
        labels = read_mask(path)
        largest = max(largest, int(labels[labels != IGNORE].max(initial=0)))
    return tuple(map(str, range(largest + 1)))


def _class_names(masks: Path) -> tuple[str, ...] | None:
    for path in (masks / "classes.txt", masks.parent / "classes.txt"):
        if path.is_file():
            names = tuple(read_lines(path))
            if not names or len(set(names)) < len(names):
                raise DataError(f"{path} names no classes, or one twice", "write a class a line, in the order of the labels")
            return names
    return None


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _by_stem(root: Path, suffixes: Collection[str]) -> dict[str, Path]:
    shown = (path for path in root.rglob("*") if _is_shown(path, root, suffixes))
    return by_key(shown, lambda path: path.relative_to(root).with_suffix("").as_posix())


def _is_shown(path: Path, root: Path, suffixes: Collection[str]) -> bool:
    parts = path.relative_to(root).parts
    return path.suffix.lower() in suffixes and path.is_file() and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _size(shape: Sequence[int]) -> str:
    """Width before height, as people say it."""
    return f"{shape[1]}x{shape[0]}"
