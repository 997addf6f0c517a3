"""folder:PATH: the user's own images, a folder per class."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.errors import DataError, reason_of
from zoo.specs import DatasetSpec

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"))
SPLITS = ("train", "val", "test")


def folder_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `folder:PATH`; images are not looked at yet.

    Where PATH has sub-folders `train`, `val` or `test` that themselves hold folders, these are its splits, and hold a
    folder per class each. Else PATH holds a folder per class, and its one split is `test`.
    """
    root = _root(path)
    splits = split_folders(root)
    classes = sorted({folder.name for split in splits.values() for folder in _folders(split)})
    if not classes:
        raise DataError(f"{root} has no folders", "put the images of each class into a folder of its own, named as the class")
    return DatasetSpec(
        name=name,
        summary=f"Images of {len(classes)} classes in {path}.",
        modality="image",
        target="zoo_data.folder:open_folder",
        splits=dict.fromkeys(splits),
        classes=tuple(classes),
        licence="The user's own.",
        citation="The user's own.",
        path=str(root),
    )


def open_folder(files: DataFiles, split: str) -> "ImageFolder":
    """A class's images may lie at any depth below its folder.

    Hidden files and folders, and files without an image's suffix, are passed over; links are followed.
    """
    root, classes = _root(files.spec.path or ""), files.spec.classes or ()
    folder = split_folders(root)[split]
    found = list(_images(folder, classes))
    if not found:
        known = ", ".join(sorted(SUFFIXES))
        raise DataError(f"{folder} has no images in its folders {', '.join(classes[:5])}", f"images end in: {known}")
    return ImageFolder(root, found, classes)


class ImageFolder(SampleSequence):
    """Images uint8 [3, h, w], RGB, turned as their EXIF says; grey ones have three equal channels.

    Ids are paths relative to `root`, with `/`, and give the order. A file that cannot be decoded raises DataError when it is
    read, not before.
    """

    def __init__(self, root: Path, images: Sequence[tuple[Path, int]], classes: Sequence[str]) -> None:
        """`images` are paths below `root`, each with its label."""
        self.classes = tuple(classes)
        self._root = root
        found = sorted((path.relative_to(root).as_posix(), label) for path, label in images)
        self.ids = [id_ for id_, _ in found]
        self.targets = [label for _, label in found]

    def __getitem__(self, index: int, /) -> Sample:
        path = self._root / self.ids[index]
        try:
            image = decode(path)
        except Exception as error:  # every decoder has errors of its own
            raise DataError(f"cannot decode the image {path}: {reason_of(error)}", "replace or remove it") from error
        return Sample(self.ids[index], image, self.targets[index])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, ids, and the SHA-256 of every file's content."""
        paths = [f"{self._root}/{id_}" for id_ in self.ids]
        with ThreadPoolExecutor() as pool:
            parts = pool.map(_hashes, (paths[start : start + 64] for start in range(0, len(paths), 64)))
            rows = zip(self.ids, self.targets, chain.from_iterable(parts), strict=True)
            return hashlib.sha256(repr((self.classes, list(rows))).encode()).hexdigest()


def decode(path: Path) -> "Tensor":
    """The image in a file as uint8 [3, h, w]; of an animation the first frame.

    torchvision decodes JPEG, PNG, GIF and WebP without holding the interpreter's lock; PIL what torchvision cannot.
    """
    return decode_content(path.read_bytes())


def decode_content(data: bytes) -> "Tensor":
    """The image that some bytes are, as `decode` gives it."""
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")):
        with suppress(ImportError, RuntimeError):  # also where torchvision comes without its decoders
            return _decode_with_torchvision(data)
    return _decode_with_pil(data)


def split_folders(root: Path) -> dict[str, Path]:
    """Split to its folder; `root` itself is the split `test` where it has none."""
    folders = _folders(root)
    splits = {folder.name: folder for folder in folders if folder.name in SPLITS and _folders(folder)}
    others = [folder.name for folder in folders if folder.name not in splits]
    if not splits:
        return {"test": root}
    if others:
        raise DataError(
            f"{root} mixes splits ({', '.join(splits)}) with other folders ({', '.join(others[:5])})",
            f"name one split: folder:{root / next(iter(splits))}",
        )
    return {name: splits[name] for name in SPLITS if name in splits}


def _root(path: str) -> Path:
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", "write folder:PATH with the folder that holds a folder per class")
    return root


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX")))


def _images(folder: Path, classes: tuple[str, ...]) -> Iterator[tuple[Path, int]]:
    for label, name in enumerate(classes):
        for path in _files(folder / name, set()):
            if path.suffix.lower() in SUFFIXES:
                yield path, label


def _files(folder: Path, above: set[str]) -> Iterator[Path]:
    """All files below a folder that are not hidden; `above` keeps links from leading in circles."""
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            if entry.is_dir():
                yield from _files(Path(entry.path), above | {real})
            else:
                yield Path(entry.path)


def _hashes(paths: list[str]) -> list[str]:
    """SHA-256 of files; a word for one that cannot be read, which raises when its sample is asked for."""
    found = []
    for path in paths:
        try:
            with open(path, "rb", buffering=0) as file:
                found.append(hashlib.sha256(file.readall()).hexdigest())
        except OSError:
            found.append("unreadable")
    return found


def _decode_with_torchvision(data: bytes) -> "Tensor":
    import torch
    from torchvision.io import ImageReadMode, decode_image

    buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    image: Tensor = decode_image(buffer, mode=ImageReadMode.RGB, apply_exif_orientation=True)
    if image.ndim == 4:
        image = image[0]
    if image.dtype == torch.uint16:  # of a PNG with 16 bits a channel
        image = (image.to(torch.int32) >> 8).to(torch.uint8)
    return image


def _decode_with_pil(data: bytes) -> "Tensor":
    import numpy as np
    import torch
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        opened = Image.open(BytesIO(data))
    except UnidentifiedImageError:  # whose message is the address of our BytesIO
        raise ValueError("it is in no image format that is known here" if data else "the file is empty") from None
    with opened:
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):  # PIL would cut off values above 255 instead of scaling them
            grey = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = grey
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
