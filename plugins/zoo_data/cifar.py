"""cifar10 in its binary version; the version for Python is a pickle, which is never opened."""

from zoo.data import ArrayDataset, DataFiles
from zoo.errors import DataError

RECORD = 1 + 3 * 32 * 32
"""Bytes of one image: the label, then the red, green and blue plane, row by row."""


def open_cifar10(files: DataFiles, split: str) -> ArrayDataset:
    """Images uint8 [3, 32, 32], RGB, in the order of the batches; ids such as `cifar10-test-00000`."""
    import torch

    names = [file.name for file in files.spec.files if file.member_of and ("test_batch" in file.name) == (split == "test")]
    classes = files.spec.classes or ()
    content = bytearray()
    for name in names:
        batch = files.read(name)
        if not batch or len(batch) % RECORD:
            raise DataError(f"{name} has {len(batch)} bytes, which is no whole number of images of {RECORD} bytes")
        content += batch
    records = torch.frombuffer(content, dtype=torch.uint8).reshape(-1, RECORD)
    labels = records[:, 0].tolist()
    if max(labels) >= len(classes):
        raise DataError(f"the batches of {files.spec.name} have a label {max(labels)}, but there are {len(classes)} classes")
    images = records[:, 1:].reshape(-1, 3, 32, 32)
    return ArrayDataset(images, labels, [f"cifar10-{split}-{index:05}" for index in range(len(labels))], classes)
