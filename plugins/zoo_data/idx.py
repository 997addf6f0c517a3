"""mnist and fashion-mnist: images and labels in IDX files."""

import struct
from math import prod
from typing import TYPE_CHECKING

from zoo.data import ArrayDataset, DataFiles
from zoo.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


def open_idx(files: DataFiles, split: str) -> ArrayDataset:
    """Images uint8 [1, 28, 28] and labels 0 to 9, in the order of the files; ids such as `mnist-test-00000`."""
    images, labels = read_labelled(files, split)
    name = files.spec.name.rpartition("/")[2]
    ids = [f"{name}-{split}-{index:05}" for index in range(len(labels))]
    return ArrayDataset(images, labels, ids, files.spec.classes or ())


def read_labelled(files: DataFiles, split: str) -> "tuple[Tensor, list[int]]":
    """The images of a split, uint8 [n, 1, h, w], and their labels, which are those of the dataset's classes."""
    classes = files.spec.classes or ()
    images, labels_name = read_images(files, split), f"{_prefix(split)}-labels-idx1-ubyte.gz"
    (count,), labels = parse_idx(files.read(labels_name), labels_name, dimensions=1)
    if len(images) != count:
        raise DataError(f"{_prefix(split)}-images-idx3-ubyte.gz has {len(images)} images, but {labels_name} {count} labels")
    if count and max(labels) >= len(classes):
        raise DataError(f"{labels_name} has a label {max(labels)}, but there are {len(classes)} classes")
    return images, list(labels)


def read_images(files: DataFiles, split: str) -> "Tensor":
    """The images of a split alone, uint8 [n, 1, h, w]."""
    import torch

    name = f"{_prefix(split)}-images-idx3-ubyte.gz"
    shape, pixels = parse_idx(files.read(name), name)
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(shape[0], 1, *shape[1:])


def _prefix(split: str) -> str:
    return "train" if split == "train" else "t10k"


def parse_idx(content: bytes, name: str, dimensions: int = 3) -> tuple[tuple[int, ...], memoryview]:
    """Shape and values of an IDX file of unsigned bytes with so many dimensions, all at least 1.

    Layout, big-endian: 0, 0, 8 (unsigned byte), number of dimensions; each dimension as uint32; the values, last dimension
    fastest (Y. LeCun, C. Cortes, C. Burges, The MNIST database). Raises DataError for anything else.
    """
    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, 8, dimensions)) or len(content) < start:
        raise DataError(f"{name} is no IDX file of bytes in {dimensions} dimensions: it begins with {content[:4].hex(' ')}")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if 0 in shape or len(content) - start != prod(shape):
        raise DataError(f"{name} should hold {' x '.join(map(str, shape))} values, but holds {len(content) - start}")
    return shape, memoryview(content)[start:]
