"""folder:PATH: the user's own images, a folder per class; PATH may be an address, such as s3://bucket/images."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from zoo.data import SUFFIXES, DataFiles, Dataset, Sample, SampleSequence, files_below, files_sha256, folders_in, on_disk, plain
from zoo.errors import DataError
from zoo.imaging import read_image
from zoo.options import split_options
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets
from zoo_data.holdout import SPLITS as HEAP_SPLITS
from zoo_data.holdout import HoldOut, part_of, scored_on

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Split to what its folder may be called, in any case."""


def folder_spec(name: str, rest: str) -> DatasetSpec:
    """The spec of `folder:PATH`; images are not looked at yet.

    Where PATH has sub-folders `train`, `val` or `test` (in any case; also `training`, `valid`, `validation`, `testing`) that
    themselves hold folders, these are its splits, and hold a folder per class each. Else PATH holds a folder per class; its
    split `test` is all of it, and `train` all but a fifth of every class. `folder:holdout=0.2:PATH` holds that fifth out:
    there `test` is what `train` leaves out.
    """
    options, path = split_options(HoldOut, rest, "folder")
    root = _root(path)
    splits = split_folders(root)
    if splits and options.holdout is not None:
        raise DataError(f"{root} has splits of its own: {', '.join(splits)}", f"leave the option out: folder:{path}")
    classes = sorted({plain(folder.name) for parent in splits.values() or [root] for folder in folders_in(parent)})
    if not classes:
        raise DataError(f"{root} has no folders", "put the images of each class into a folder of its own, named as the class")
    return DatasetSpec(
        name=name,
        summary=f"Images of {len(classes)} classes in {without_secrets(path)}.",
        modality="image",
        target="zoo_data.folder:open_folder",
        splits=dict.fromkeys(splits or HEAP_SPLITS),
        classes=tuple(classes),
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
        held_out=None if splits or options.holdout else scored_on(name),
    )


def open_folder(files: DataFiles, split: str) -> Dataset:
    """A class's images may lie at any depth below its folder.

    Passed over are files and folders that are hidden or left by a system, and, with a warning, files without an image's
    suffix; links are followed. Raises DataError where nothing is left.
    """
    root, classes = _root(files.spec.path or ""), files.spec.classes or ()
    splits = split_folders(root)
    folder = splits[split] if splits else root
    label_of = {name: label for label, name in enumerate(classes)}
    found = [
        (path, label_of[plain(part.name)])
        for part in folders_in(folder)
        if plain(part.name) in label_of
        for path in files_below(part, SUFFIXES)
    ]
    if not found:
        known = ", ".join(sorted(SUFFIXES))
        raise DataError(f"{folder} has no images in its folders {', '.join(classes[:5])}", f"images end in: {known}")
    images = ImageFolder(root, found, classes)
    return images if splits else part_of(images, split, files.spec.name)


class ImageFolder(SampleSequence):
    """Images uint8 [3, h, w], RGB, turned as their EXIF says; grey ones have three equal channels.

    Ids are paths relative to `root`, with `/` and composed letters (NFC), and give the order. A file that cannot be decoded
    raises DataError when it is read, not before.
    """

    def __init__(self, root: Path, images: Sequence[tuple[Path, int]], classes: Sequence[str]) -> None:
        """`images` are paths below `root`, each with its label."""
        self.classes = tuple(classes)
        below = len(str(root).rstrip(os.sep)) + 1
        found = sorted((plain(str(path)[below:].replace(os.sep, "/")), label, path) for path, label in images)
        self.ids = [id_ for id_, _, _ in found]
        self.targets = [label for _, label, _ in found]
        self._paths = [path for _, _, path in found]

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], read_image(self._paths[index], upright=True), self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, ids, and the SHA-256 of every file's content."""
        hashes = files_sha256(self._paths, unreadable="unreadable")  # which raises when its sample is asked for
        rows = zip(self.ids, self.targets, hashes, strict=True)
        return hashlib.sha256(repr((self.classes, list(rows))).encode()).hexdigest()


def split_folders(root: Path) -> dict[str, Path]:
    """Split to its folder; empty where `root` has none. Raises DataError where they are mixed with others, or one is twice."""
    split_of = {alias: split for split, aliases in SPLITS.items() for alias in aliases}
    found: dict[str, list[Path]] = defaultdict(list)
    others = []
    for folder in folders_in(root):
        split = split_of.get(folder.name.casefold())
        if split and folders_in(folder):
            found[split].append(folder)
        else:
            others.append(folder.name)
    if not found:
        return {}
    names = [folder.name for folders in found.values() for folder in folders]
    if others:
        raise DataError(
            f"{root} mixes splits ({', '.join(names)}) with other folders ({', '.join(others[:5])})",
            f"name one split: folder:{root / names[0]}",
        )
    for split, folders in found.items():
        if len(folders) > 1:
            twice = " and ".join(folder.name for folder in folders)
            raise DataError(f"{root} has two folders for the split {split}: {twice}", "join them, or move one elsewhere")
    return {split: found[split][0] for split in SPLITS if split in found}


def _root(path: str) -> Path:
    root = on_disk(path)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", "write folder:PATH with the folder that holds a folder per class")
    return root
