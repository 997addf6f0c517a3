"""What fragility is measured on: networks whose answers are known, on points of their own."""

import pytest
import torch

from zoo.data import ArrayDataset
from zoo.tasks import DataInfo, ModelInfo
from zoo_robust.fragility.subject import Subject


@pytest.fixture
def subject_of():
    """A function that makes a subject of a network and its images [n, c, h, w] with labels, by default its own."""

    def make(network, images, labels=None, classes=("a", "b"), split="test", modality="image", ids=None):
        labels = network(images).argmax(1).tolist() if labels is None else labels
        ids = [f"s{number}" for number in range(len(images))] if ids is None else ids
        dataset = ArrayDataset(images, labels, ids, classes)
        data = DataInfo("drawn", split, modality, tuple(classes))
        return Subject(network, ModelInfo("local/network", modality, "dataset"), data, dataset)

    return make


@pytest.fixture
def images():
    """A function that draws images in [0, 1] by a seed."""

    def draw(count, *shape, seed=0):
        return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))

    return draw
