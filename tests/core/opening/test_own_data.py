"""Data of one's own beside those by name: arrays, torch datasets, DataFrames; and what cannot be read so."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import zoo
from zoo.errors import DataError
from zoo.opening.own_data import own_data


class First(nn.Module):
    """Says class 1 where the first number is above 0.5."""

    def forward(self, x: Any) -> torch.Tensor:
        return nn.functional.one_hot((x.flatten(1)[:, 0] > 0.5).long(), 2).float() * 9


def digits() -> tuple[np.ndarray[Any, Any], list[int]]:
    found = zoo.dataset("digits")
    images = [(found[row].input * 255).round().byte().numpy() for row in range(60)]
    return np.stack(images), list(found.targets[:60])


def test_arrays_score_as_the_same_data_by_name_do() -> None:
    images, labels = digits()
    by_name = zoo.evaluate("intro/mlp", "digits")
    of_arrays = zoo.evaluate("intro/mlp@digits", (images, labels))
    assert of_arrays.benchmark == "local/arrays" and of_arrays.dataset.samples == 60
    whole = zoo.dataset("digits")
    everything = (torch.stack([sample.input for sample in whole]), whole.targets)
    assert zoo.evaluate("intro/mlp@digits", everything).primary.value == by_name.primary.value


@pytest.mark.parametrize("layout", ["n h w", "n 1 h w", "n h w 1", "float", "rgb last", "list"])
def test_images_come_in_any_usual_layout(layout) -> None:
    images, labels = digits()
    grey = images[:, 0]
    given = {
        "n h w": grey,
        "n 1 h w": images,
        "n h w 1": grey[..., None],
        "float": images.astype(np.float64) / 255,
        "rgb last": np.repeat(grey[..., None], 3, axis=3),
        "list": list(torch.from_numpy(images)),
    }[layout]
    assert zoo.evaluate("intro/mlp@digits", (given, labels)).primary.value == pytest.approx(
        zoo.evaluate("intro/mlp@digits", (images, labels)).primary.value
    )


def test_vectors_texts_and_names_are_taken() -> None:
    vectors = own_data((np.random.rand(6, 4), ["b", "a"] * 3))
    assert (vectors.spec.modality, vectors.dataset.classes, vectors.dataset[0].target) == ("vector", ("a", "b"), 1)
    texts = own_data((["one", "two", "three"], [10, 9, 10]))
    assert (texts.spec.modality, texts.dataset.classes) == ("text", ("9", "10"))
    record = zoo.evaluate(First(), (np.array([[0.1], [0.9], [0.8]]), [0, 1, 0]), classes="dataset")
    assert record.primary.value == pytest.approx(2 / 3)


def test_a_torch_dataset_is_read_and_known_by_its_content() -> None:
    inputs, labels = torch.tensor([[0.1], [0.9]]), torch.tensor([0, 1])
    first, again = (own_data(TensorDataset(inputs, labels)).dataset.fingerprint for _ in range(2))
    other = own_data(TensorDataset(inputs + 0.01, labels)).dataset.fingerprint
    assert first == again != other
    assert zoo.evaluate(First(), TensorDataset(inputs, labels), classes="dataset").primary.value == 1


def test_a_torch_dataset_that_answers_otherwise_each_time_is_refused() -> None:
    class Random(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            return torch.rand(3), index % 2

    with pytest.raises(DataError, match="another one each time"):
        zoo.evaluate(First(), Random(torch.zeros(4, 3)), classes="dataset")


class Frame:
    """As much of a DataFrame as is asked for."""

    def __init__(self, **columns: list[Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


def test_a_frame_is_read_as_a_table_is() -> None:
    record = zoo.evaluate(First(), Frame(x=[0.1, 0.9, 0.7], label=[0, 1, 1]), classes="dataset")
    assert record.primary.value == 1 and record.benchmark == "local/Frame"
    texts = own_data(Frame(text=["a", "b"], label=["ham", "spam"], id=["x", "y"]))
    assert texts.dataset.ids == ["x", "y"] and texts.spec.modality == "text"
    with pytest.raises(DataError, match="no finite number"):
        own_data(Frame(x=[0.1, float("nan")], label=[0, 1]))


def test_a_zoo_dataset_is_taken_as_it_is() -> None:
    assert zoo.evaluate("intro/mlp", zoo.dataset("digits")).primary == zoo.evaluate("intro/mlp", "digits").primary


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((np.zeros((3, 8, 8)), [0, 1]), "3 inputs come with 2 labels"),
        ((np.full((2, 8, 8), 200.0), [0, 1]), "reach from 200"),
        ((np.zeros((2, 8, 8), dtype=np.int64), [0, 1]), "uint8"),
        ((np.zeros((2, 5, 8, 8)), [0, 1]), "neither 1 nor 3 channels"),
        ((np.zeros((2, 3, 8, 1)), [0, 1]), "first or last"),
        ((np.zeros((2, 2, 2, 2, 2)), [0, 1]), "is of shape"),
        ((np.array([[np.nan]]), [0]), "not all finite"),
        ((np.zeros((2, 4)), [0.5, 1.5]), "a label is 0.5"),
        ((np.zeros((0, 4)), []), "has no samples"),
        (3, "nothing can be run on a int"),
        ({"a": 1}, "nothing can be run on a dict"),
        ([torch.zeros(1)], "no pair of input and label"),
        (Frame(x=[1]), "needs a column 'label'"),
    ],
)
def test_data_that_cannot_be_read_are_refused(data, said) -> None:
    with pytest.raises(DataError, match=said):
        own_data(data)


def test_a_hugging_face_dataset_is_read() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [np.full((4, 4, 3), value, dtype=np.uint8) for value in (0, 255)], "label": [1, 0]}
    found = own_data(datasets.Dataset.from_dict(rows, features=features))
    assert found.dataset.classes == ("cat", "dog") and [sample.target for sample in found.dataset] == [1, 0]
    assert int(found.dataset[1].input.max()) == 255 and found.spec.modality == "image"
