"""Samples that lie in memory are prepared in one piece, and are then to the last bit what they are one by one."""

import numpy as np
import pytest
import torch

from zoo.data.dataset import ArrayDataset, Sample
from zoo.runs.loading import Reading
from zoo.seeds import SampleSeeds, sample_seed
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo
from zoo.tasks.classify import Classify
from zoo.training.split import Subset

CLASSES = ("no", "yes")
DRAWN = torch.Generator().manual_seed(0)
INPUTS = {
    "vector": torch.randn(40, 3, generator=DRAWN),
    "image": torch.randint(0, 256, (40, 1, 6, 5), dtype=torch.uint8, generator=DRAWN),
    "colours": torch.rand(40, 3, 6, 5, generator=DRAWN),
    "text": [f"text {i}" for i in range(40)],
}


def data(kind="vector", cls=ArrayDataset, targets=None):
    return cls(INPUTS[kind], targets or [i % 2 for i in range(40)], [f"s{i}" for i in range(40)], CLASSES)


def task(kind="vector", cls=Classify, **wanted):
    modality = "image" if kind == "colours" else kind
    given = ImageInput(**wanted) if wanted else None
    return cls(ModelInfo("m", modality, "dataset", given), DataInfo("d", "test", modality, CLASSES))


class OneByOne(Classify):
    """The same task, by way of each sample."""

    def prepare(self, sample):
        return super().prepare(sample)


def equal(first, second):
    assert list(first.batch.ids) == list(second.batch.ids) and first.bad == second.bad
    assert list(first.batch.targets) == list(second.batch.targets) and list(first.batch.seeds) == list(second.batch.seeds)
    if isinstance(first.batch.inputs, list):
        assert first.batch.inputs == second.batch.inputs
    else:
        assert torch.equal(first.batch.inputs, second.batch.inputs)
        assert first.batch.inputs.dtype == second.batch.inputs.dtype
        assert first.batch.inputs.stride() == second.batch.inputs.stride()


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("positions", [range(3, 17), [5, 2, 30]])
@pytest.mark.parametrize("wanted", [{}, {"channels": 3}, {"size": (6, 5)}, {"size": (8, 8)}])
def test_a_batch_is_the_same_in_one_piece(kind, positions, wanted):
    if wanted and kind not in ("image", "colours"):
        return
    dataset = data(kind)
    whole = Reading(dataset, task(kind, **wanted)).loaded(positions, 7)
    single = Reading(dataset, task(kind, OneByOne, **wanted)).loaded(positions, 7)
    equal(whole, single)


def test_a_corrupt_sample_is_named_and_costs_no_other():
    targets = [0] * 40
    targets[7] = 5
    loaded = Reading(data(targets=targets), task()).loaded(range(4, 10), 0)
    assert list(loaded.batch.ids) == ["s4", "s5", "s6", "s8", "s9"]
    assert loaded.bad == {"s7": "ValueError: its target 5 is not one of the 2 classes"}


class Doubled(ArrayDataset):
    """A dataset that changes its samples."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return Sample(sample.id, sample.input * 2, sample.target)


class Shifted(Classify):
    """A task that prepares otherwise."""

    def collate(self, samples):
        return super().collate(samples) + 1


def test_nobody_who_reads_in_a_way_of_his_own_is_passed_over():
    inputs = INPUTS["vector"][:4]
    assert torch.equal(Reading(data(cls=Doubled), task()).loaded(range(4), 0).batch.inputs, inputs * 2)
    assert torch.equal(Reading(data(), task(cls=Shifted)).loaded(range(4), 0).batch.inputs, inputs + 1)
    part = Subset(data(cls=Doubled), [3, 1])
    assert torch.equal(Reading(part, task()).loaded(range(2), 0).batch.inputs, INPUTS["vector"][[3, 1]] * 2)


def test_a_part_of_a_dataset_in_memory_lies_there_too():
    part = Subset(data(), [9, 4, 6])
    equal(Reading(part, task()).loaded(range(3), 1), Reading(part, task(cls=OneByOne)).loaded(range(3), 1))


def test_seeds_that_are_derived_when_asked_for_are_those_of_the_samples():
    seeds = SampleSeeds(3, ["a", "b", "c"])
    assert list(seeds) == [sample_seed(3, name) for name in "abc"] and list(seeds[1:]) == list(seeds)[1:]
    assert torch.equal(torch.tensor(seeds), torch.tensor(list(seeds))) and np.array(seeds).dtype == np.int64
