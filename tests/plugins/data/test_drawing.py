"""Ids to draw digits of a class for: both real images are of it, no image stands twice, labels are those of the files."""

import pytest
import torch

import zoo


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_real_images_are_of_the_class_that_is_asked_for(real_data, split):
    drawn, of = zoo.dataset("data/mnist-class-samples", split), {}
    for own in ("train", "test"):
        mnist = zoo.dataset("data/mnist", own)
        of |= {mnist[i].input.numpy().tobytes(): (own, mnist.classes[mnist.targets[i]]) for i in range(len(mnist.ids))}
    for index in range(0, len(drawn.ids), 37):
        sample = drawn[index]
        real, another = (of[image.numpy().tobytes()] for image in sample.target)
        assert real == (split, sample.input) and another == ("train", sample.input)


def test_no_image_of_training_stands_twice(real_data):
    train = zoo.dataset("data/mnist-class-samples", "train")
    images = torch.cat([train.reals, train.others])
    assert len({image.numpy().tobytes() for image in images}) == len(images) == 59_994


def test_modes_are_counted_against_all_test_images(real_data):
    modes, mnist = zoo.dataset("data/mnist-modes", "test"), zoo.dataset("data/mnist", "test")
    assert modes.classes == mnist.classes and len(modes.ids) == 10_000 and modes[7].input is None
    assert torch.equal(modes[9_999].target.image, mnist[9_999].input)
