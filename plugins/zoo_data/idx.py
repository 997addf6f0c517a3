"""mnist and fashion-mnist: images and labels in IDX files."""

import struct
from math import prod

from zoo.data import ArrayDataset
from zoo.errors import DataError
from zoo.files import DataFiles
from zoo.hashing import AlteredError, unzip


def open_idx(files: DataFiles, split: str) -> ArrayDataset:
    """Images uint8 [1, 28, 28] and labels 0 to 9, in the order of the files; ids such as `mnist-test-00000`."""
    import torch

    prefix = "train" if split == "train" else "t10k"
    classes = files.spec.classes or ()
    images_name, labels_name = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
    shape, pixels = parse_idx(_content(files, images_name), images_name)
    (count,), labels = parse_idx(_content(files, labels_name), labels_name, dimensions=1)
    if shape[0] != count:
        raise DataError(f"{images_name} has {shape[0]} images, but {labels_name} {count} labels")
    if count and max(labels) >= len(classes):
        raise DataError(f"{labels_name} has a label {max(labels)}, but there are {len(classes)} classes")
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(count, 1, *shape[1:])
    name = files.spec.name.rpartition("/")[2]
    return ArrayDataset(images, list(labels), [f"{name}-{split}-{index:05}" for index in range(count)], classes)


def _content(files: DataFiles, name: str) -> bytes:
    """Decompressed content, whether the hash known of the file is that of its content or that of its container."""
    try:
        return unzip(files.read(name), files.file(name).content_size)
    except AlteredError as error:
        raise DataError(f"{name} of {files.spec.name}: {error}") from error


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
