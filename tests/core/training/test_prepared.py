"""Training inputs are bit for bit those of evaluation, kept in memory or not; batches cover every sample."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.dataset import ArrayDataset, Sample
from zoo.errors import DataError
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo
from zoo.tasks.classify import Classify
from zoo.training.prepared import Prepared, draw_batches


def task(modality: str = "image", want: ImageInput | None = None) -> Classify:
    return Classify(ModelInfo("m", modality, "dataset", want), DataInfo("d", "train", modality, ("a", "b")))


def images(dtype: torch.dtype) -> ArrayDataset:
    pixels = torch.randint(256, (20, 3, 9, 7), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    inputs = pixels if dtype == torch.uint8 else pixels.float() / 255
    return ArrayDataset(inputs, [i % 2 for i in range(20)], [f"s{i}" for i in range(20)], ("a", "b"))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("limit", [0, 1 << 30])
@pytest.mark.parametrize(
    "want",
    [None, ImageInput(size=(5, 5)), ImageInput(channels=1, size=(16, 12), interpolation="bicubic")],
    ids=["as-is", "smaller", "grey"],
)
def test_batches_equal_what_the_task_prepares(
    dtype: torch.dtype, limit: int, want: ImageInput | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.training.prepared.MEMORY_LIMIT", limit)
    data, bound = images(dtype), task(want=want)
    expected = torch.stack([bound.prepare(data[i]).input for i in (3, 0, 19)])
    got = Prepared(data, bound).batch([3, 0, 19])
    assert got.dtype == torch.float32
    assert torch.equal(got, expected)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_batches_come_in_the_order_drawn(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.training.prepared.MEMORY_LIMIT", limit)
    prepared = Prepared(images(torch.uint8), task())
    drawn = [torch.tensor([4, 2]), torch.tensor([0, 1, 3])]
    for (indices, inputs), expected in zip(prepared.batches(drawn), drawn, strict=True):
        assert torch.equal(indices, expected)
        assert torch.equal(inputs, prepared.batch(expected))


class Listed:
    """A dataset of given inputs; an exception among them is raised."""

    def __init__(self, inputs: Sequence[object]) -> None:
        self.inputs = inputs
        self.ids = [f"s{i}" for i in range(len(inputs))]
        self.targets = [0] * len(inputs)
        self.classes = ("a", "b")
        self.fingerprint = "f"

    def __getitem__(self, index: int, /) -> Sample:
        if isinstance(self.inputs[index], Exception):
            raise self.inputs[index]  # type: ignore[misc]
        return Sample(self.ids[index], self.inputs[index], 0)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_corrupt_sample_is_named(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.training.prepared.MEMORY_LIMIT", limit)
    with pytest.raises(DataError, match="sample s1 is corrupt: OSError: truncated"):
        list(
            Prepared(Listed([torch.zeros(1, 2, 2), OSError("truncated")]), task()).batches([torch.tensor([0]), torch.tensor([1])])
        )


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_images_of_different_sizes_ask_for_a_size(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.training.prepared.MEMORY_LIMIT", limit)
    with pytest.raises(DataError, match="differ in size"):
        Prepared(Listed([torch.zeros(1, 2, 2), torch.zeros(1, 3, 3)]), task()).batch([0, 1])


def test_texts_stay_strings() -> None:
    data = ArrayDataset(["one", "two"], [0, 1], ["s0", "s1"], ("a", "b"))
    assert Prepared(data, task("text")).batch(torch.tensor([1, 0])) == ["two", "one"]


@given(st.integers(1, 200), st.integers(1, 70), st.booleans(), st.integers(0, 99))
def test_every_sample_is_drawn_once_but_a_lone_last(samples: int, size: int, with_costs: bool, seed: int) -> None:
    costs = [float(i % 7) for i in range(samples)] if with_costs else None
    batches = draw_batches(samples, size, costs, torch.Generator().manual_seed(seed))
    drawn = torch.cat(batches).tolist()
    assert len(set(drawn)) == len(drawn)
    assert len(drawn) == samples - (samples % size == 1 and samples > 1 and size > 1)
    assert all(1 <= len(batch) <= size for batch in batches)


def test_samples_of_like_cost_meet() -> None:
    costs = [float(i) for i in range(320)]
    batches = draw_batches(320, 20, costs, torch.Generator().manual_seed(0))
    assert max(batch.max() - batch.min() for batch in batches) == 19
    assert [int(batch.min()) for batch in batches] != sorted(int(batch.min()) for batch in batches)


class Noisy(type(task())):
    """Adds to 8 bits what 8 bits do not hold."""

    def prepare(self, sample):
        prepared = super().prepare(sample)
        return Sample(prepared.id, prepared.input + (0.3 / 255 if sample.id != "s0" else 0.0), prepared.target)


def test_what_a_task_adds_to_eight_bits_is_kept():
    bound = Noisy(task().model, task().data)
    data = images(torch.uint8)
    got = Prepared(data, bound).batch(range(len(data.ids)))
    wanted = torch.stack([bound.prepare(data[i]).input for i in range(len(data.ids))])
    assert torch.equal(got, wanted)
