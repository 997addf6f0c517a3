"""Datasets in memory: what they hold, and that their fingerprint is that of their content."""

import pytest
import torch

from zoo.data.dataset import ArrayDataset, Dataset


def images(change=0):
    inputs = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    inputs[0, 0, 0, 0] += change
    return inputs


def test_samples_come_by_position():
    data = ArrayDataset(images(), [0, 1, 0], ["a", "b", "c"], ("no", "yes"))
    assert isinstance(data, Dataset)
    assert len(data) == 3
    assert data[1].id == "b" and data[1].target == 1
    assert torch.equal(data[1].input, images()[1])


def test_texts_know_their_lengths_and_images_do_not():
    assert ArrayDataset(["one", "three"], [0, 0], ["a", "b"], ("x",)).costs == [3, 5]
    assert not hasattr(ArrayDataset(images(), [0] * 3, list("abc"), ("x",)), "costs")


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="3 inputs, 2 targets and 3 ids"):
        ArrayDataset(images(), [0, 0], list("abc"), ("x",))


VARIANTS = {
    "images": (images(), [0, 1, 0], list("abc"), ("x", "y")),
    "another pixel": (images(1), [0, 1, 0], list("abc"), ("x", "y")),
    "another type": (images().float(), [0, 1, 0], list("abc"), ("x", "y")),
    "another shape": (images().reshape(3, 4), [0, 1, 0], list("abc"), ("x", "y")),
    "another target": (images(), [0, 1, 1], list("abc"), ("x", "y")),
    "another id": (images(), [0, 1, 0], list("abd"), ("x", "y")),
    "another class": (images(), [0, 1, 0], list("abc"), ("x", "z")),
    "texts": (["a", "b", "c"], [0, 1, 0], list("abc"), ("x", "y")),
    "another text": (["a", "b", "d"], [0, 1, 0], list("abc"), ("x", "y")),
    "texts cut elsewhere": (["a', 'b", "c", ""], [0, 1, 0], list("abc"), ("x", "y")),
}


def test_every_difference_in_content_is_another_fingerprint():
    fingerprints = {ArrayDataset(*arguments).fingerprint for arguments in VARIANTS.values()}
    assert len(fingerprints) == len(VARIANTS)
    assert all(len(fingerprint) == 64 for fingerprint in fingerprints)


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_content_has_one_fingerprint(name):
    assert ArrayDataset(*VARIANTS[name]).fingerprint == ArrayDataset(*VARIANTS[name]).fingerprint


def test_memory_layout_is_no_difference():
    strided = torch.arange(24, dtype=torch.uint8).reshape(3, 1, 2, 4)[..., ::2]
    arguments = ([0, 1, 0], list("abc"), ("x", "y"))
    assert ArrayDataset(strided, *arguments).fingerprint == ArrayDataset(strided.contiguous(), *arguments).fingerprint
