"""mnist-samples, mnist-modes, mnist-class-samples: ids for which images are drawn, each beside real ones to compare with."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from zoo.data import DataFiles, Sample, SampleSequence
from zoo.tasks import Reals
from zoo_data.idx import read_images, read_labelled

if TYPE_CHECKING:
    from torch import Tensor

DRAWN = 1000
"""Samples of the test split: a couple of minutes for a small diffusion model."""


class Samples(SampleSequence):
    """The target of each id is two real images, of `reals` and of `others`, in their order.

    Its input is the name of the class that is asked for, where `asked` says so for each; else there is none.
    """

    def __init__(
        self,
        name: str,
        reals: "Tensor",
        others: "Tensor",
        classes: tuple[str, ...] | None = None,
        asked: Sequence[str] | None = None,
    ) -> None:
        self.reals, self.others, self.classes, self.asked = reals, others, classes, asked
        self.ids = [f"{name}-{index:05}" for index in range(len(reals))]
        told = (self.ids, reals.shape, others.shape, *((list(asked),) if asked is not None else ()))
        digest = hashlib.sha256(repr(told).encode())
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
        return Sample(self.ids[index], None if self.asked is None else self.asked[index], self.target(index))


def open_mnist_samples(files: DataFiles, split: str) -> Samples:
    """test: the first 1,000 test images, and as many training images; train: the first and the second 30,000 training images."""
    train = read_images(files, "train")
    if split == "train":
        half = len(train) // 2
        return Samples("mnist-samples-train", train[:half], train[half : 2 * half])
    return Samples("mnist-samples-test", read_images(files, "test")[:DRAWN], train[:DRAWN])


def open_mnist_modes(files: DataFiles, split: str) -> Samples:
    """test: all 10,000 test images, and as many training images."""
    test = read_images(files, "test")
    return Samples("mnist-modes-test", test, read_images(files, "train")[: len(test)], files.spec.classes)


def open_mnist_class_samples(files: DataFiles, split: str) -> Samples:
    """Both images of an id are of the class that it asks for. test: the first 1,000 test images, each beside a training image;
    train: the training images two by two, class by class."""
    classes = files.spec.classes or ()
    train, labels = read_labelled(files, "train")
    members = [[i for i, label in enumerate(labels) if label == number] for number in range(len(classes))]
    if split == "train":
        pairs = [pair for own in members for pair in zip(own[::2], own[1::2], strict=False)]
        asked = [classes[labels[first]] for first, _ in pairs]
        reals, others = ([pair[side] for pair in pairs] for side in (0, 1))
        return Samples("mnist-class-samples-train", train[reals], train[others], classes, asked)
    test, wanted = read_labelled(files, "test")
    test, wanted = test[:DRAWN], wanted[:DRAWN]
    left = [iter(own) for own in members]
    others = [next(left[label]) for label in wanted]
    return Samples("mnist-class-samples-test", test, train[others], classes, [classes[label] for label in wanted])
