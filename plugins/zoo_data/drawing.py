"""mnist-samples: ids for which a generator draws images, each beside real images to compare with."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.tasks import Reals
from zoo_data.idx import read_images

if TYPE_CHECKING:
    from torch import Tensor

DRAWN = 1000
"""Samples of the test split: a couple of minutes for a small diffusion model."""


class Samples(SampleSequence):
    """Ids without inputs. The target of each is two real images, of `reals` and of `others`, in their order."""

    classes = None

    def __init__(self, name: str, reals: "Tensor", others: "Tensor") -> None:
        self.reals, self.others = reals, others
        self.ids = [f"{name}-{index:05}" for index in range(len(reals))]
        digest = hashlib.sha256(repr((self.ids, reals.shape, others.shape)).encode())
        for images in (reals, others):
            digest.update(images.contiguous().numpy().data)
        self.fingerprint = digest.hexdigest()

    @cached_property
    def targets(self) -> Sequence[Reals]:
        """Pairs of real images uint8 [c, h, w]."""
        return [self.target(index) for index in range(len(self.ids))]

    def target(self, index: int) -> Reals:
        return Reals(self.reals[index], self.others[index])

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], None, self.target(index))


def open_mnist_samples(files: DataFiles, split: str) -> Samples:
    """test: the first 1,000 test images, and as many training images; train: the first and the second 30,000 training images."""
    train = read_images(files, "train")
    if split == "train":
        half = len(train) // 2
        return Samples("mnist-samples-train", train[:half], train[half : 2 * half])
    return Samples("mnist-samples-test", read_images(files, "test")[:DRAWN], train[:DRAWN])
