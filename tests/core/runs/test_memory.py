"""A batch size that fits: found by itself, halved when memory runs out, never changed where it was asked for."""

import pytest
import torch

import zoo
from zoo.errors import ModelError


class Small:
    """A model on a device with room for `room` samples."""

    def __init__(self, toy, room, error=torch.OutOfMemoryError):
        self.model, self.room, self.error, self.sizes = toy.Linear(), room, error, []

    def __call__(self, inputs):
        self.sizes.append(len(inputs))
        if len(inputs) > self.room:
            raise self.error("out of memory: you tried to allocate too much")
        return self.model(inputs)

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_auto_halves_until_it_fits_and_scores_the_same(error, toy, predictions):
    model = Small(toy, 50, error)
    record = zoo.evaluate(model, "toy/vectors", classes="dataset")
    assert record.execution.batch_size == 32
    assert model.sizes[:5] == [512, 256, 128, 64, 32] and max(model.sizes[5:]) == 32  # what did not fit is not tried again
    whole = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", batch_size=256)
    assert predictions(record)[0] == predictions(whole)[0]
    assert abs(predictions(record)[1] - predictions(whole)[1]).max() < 1e-5
    assert record.primary.value == whole.primary.value


def test_texts_are_halved_too(toy):
    record = zoo.evaluate(Small(toy, 50), "toy/texts", classes="dataset")
    assert record.execution.batch_size == 32


def test_an_explicit_size_that_does_not_fit_says_what_to_do(toy):
    with pytest.raises(ModelError, match="ran out of memory on 100 samples, v0000 to v0099") as caught:
        zoo.evaluate(Small(toy, 50), "toy/vectors", classes="dataset", batch_size=100)
    assert "smaller `batch_size`, or auto" in caught.value.hint


def test_a_model_that_fits_not_one_sample_says_so(toy):
    with pytest.raises(ModelError, match="ran out of memory on sample v0000") as caught:
        zoo.evaluate(Small(toy, 0), "toy/vectors", classes="dataset")
    assert "batch_size" not in caught.value.hint


def test_large_samples_get_small_batches():
    from zoo.data.dataset import ArrayDataset
    from zoo.runs.loading import Reading, auto_batch_size
    from zoo.tasks import DataInfo, ModelInfo
    from zoo.tasks.classify import Classify

    def picked(side, device="cpu"):
        data = ArrayDataset(torch.zeros(2, 3, side, side), [0, 0], ["a", "b"], ["c", "d"])
        info = DataInfo("x", "test", "image", ("c", "d"))
        return auto_batch_size(Reading(data, Classify(ModelInfo("m", None, "dataset"), info)), range(2), device)

    assert picked(8) == 256
    assert picked(224) == 32
    assert picked(4000) == 1
    assert picked(8, "cuda") == 512
    assert picked(224, "cuda") == 256
