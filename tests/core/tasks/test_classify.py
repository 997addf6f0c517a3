"""Task classify: classes matched by name, logits verified, predictions stored and read back."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo.tasks.base import Batch
from zoo.tasks.classify import Classify

CLASSES = ("ant", "bee", "cat")


def bound(classes="dataset", data_classes=CLASSES, modality="vector", protocol=None):
    return Classify(ModelInfo("local/model", None, classes), DataInfo("toy", "test", modality, data_classes), protocol)


def batch(n, targets=None):
    return Batch([f"s{i}" for i in range(n)], torch.zeros(n, 2), targets or [0] * n, list(range(n)))


def test_outputs_are_the_datasets_classes_in_order():
    logits = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(bound().predict(lambda _: logits, batch(2)), logits)


def test_permuted_classes_are_matched_by_name_and_others_compete_after_them():
    logits = torch.tensor([[10.0, 11.0, 12.0, 13.0, 14.0]])
    names = ("dog", "cat", "ant", "eel", "bee")
    assert bound(names).predict(lambda _: logits, batch(1)).tolist() == [[12.0, 14.0, 11.0, 10.0, 13.0]]
    assert bound(names, protocol={"outputs": "dataset"}).predict(lambda _: logits, batch(1)).tolist() == [[12.0, 14.0, 11.0]]


@pytest.mark.parametrize("outputs", ["all", "dataset"])
def test_what_can_say_but_one_class_is_not_scored(outputs):
    with pytest.raises(ModelError, match="nothing but 'ant' on toy, so whatever it says is right"):
        bound("dataset", ("ant",), protocol={"outputs": outputs})
    with pytest.raises(ModelError, match="all its outputs compete"):
        bound(CLASSES, ("ant",), protocol={"outputs": "dataset"})


def test_a_missing_class_is_named():
    with pytest.raises(ModelError, match=r"no output for 1 of the 3 classes of toy: bee"):
        bound(classes=("ant", "cat", "dog"))


def test_unknown_classes_say_what_to_pass():
    with pytest.raises(ModelError, match='classes="dataset"'):
        bound(classes=None)


def test_classes_of_one_name_are_never_guessed_at():
    with pytest.raises(ModelError, match="crane"):
        bound(classes=("crane", "crane", "ant"), data_classes=("ant", "crane"))


def test_equal_class_lists_need_no_matching_even_with_a_name_twice():
    twice = ("crane", "ant", "crane")
    logits = torch.arange(3.0).reshape(1, 3)
    assert torch.equal(bound(classes=twice, data_classes=twice).predict(lambda _: logits, batch(1)), logits)


def test_a_dataset_without_classes_cannot_be_classified():
    with pytest.raises(ModelError, match="no classes"):
        bound(data_classes=None)


@pytest.mark.parametrize("returned", [None, [[0.0] * 3], torch.zeros(2, 3, dtype=torch.int64)], ids=["none", "list", "int64"])
def test_what_is_no_float_tensor_is_refused_by_name(returned):
    with pytest.raises(PredictionError, match="s0, s1") as caught:
        bound().predict(lambda _: returned, batch(2))
    assert caught.value.ids == ("s0", "s1")


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (2,), (2, 3, 1)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(PredictionError, match="s0"):
        bound().predict(lambda _: torch.zeros(shape), batch(2))


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_a_single_output_for_two_classes_says_what_to_return(shape):
    with pytest.raises(PredictionError) as caught:
        bound(data_classes=("ham", "spam")).predict(lambda _: torch.zeros(shape), batch(2))
    assert caught.value.hint == "one logit x for the second class is the two logits [0, x]: return both"


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e300], ids=str)
def test_values_that_are_not_finite_name_only_their_samples(value):
    logits = torch.zeros(3, 3, dtype=torch.float64)
    logits[1, 2] = value
    with pytest.raises(PredictionError, match=r"1 samples: s1$") as caught:
        bound().predict(lambda _: logits, batch(3))
    assert caught.value.ids == ("s1",)


def test_predictions_are_read_back_as_they_were():
    task = bound()
    logits = torch.randn(4, 3)
    columns = task.encode(logits, batch(4, [0, 1, 2, 1]))
    table = pa.table(columns)
    assert table.schema.types == task.schema.types
    decoded = task.decode(table)
    assert np.array_equal(decoded["logits"], logits.numpy())
    assert decoded["target"].tolist() == [0, 1, 2, 1]


def test_logits_of_other_classes_are_stored_too():
    task = bound(("dog", "cat", "ant", "bee"))
    logits = torch.randn(2, 4)
    assert np.array_equal(task.decode(pa.table(task.encode(logits, batch(2))))["logits"], logits.numpy())
    assert task.decode(task.schema.empty_table())["logits"].shape == (0, 4)


def test_no_rows_are_read_back_as_none():
    decoded = bound().decode(bound().schema.empty_table())
    assert decoded["logits"].shape == (0, 3)


@pytest.mark.parametrize("target", [3, -1, 0.5, "ant"])
def test_a_target_that_is_no_class_makes_a_sample_corrupt(target):
    with pytest.raises((ValueError, TypeError)):
        bound().prepare(Sample("a", torch.zeros(2), target))


def test_targets_may_be_any_integer():
    assert bound().prepare(Sample("a", torch.zeros(2), torch.tensor(2))).target == 2
    assert bound().prepare(Sample("a", torch.zeros(2), np.int64(2))).target == 2


def test_text_stays_a_list_and_images_become_a_batch():
    assert bound(modality="text").collate([Sample("a", "one", 0), Sample("b", "two", 1)]) == ["one", "two"]
    image = bound(modality="image").prepare(Sample("a", torch.full((1, 2, 2), 255, dtype=torch.uint8), 0))
    assert bound(modality="image").collate([image, image]).tolist() == torch.ones(2, 1, 2, 2).tolist()


def test_a_task_that_nobody_declares_is_an_error():
    with pytest.raises(ModelError, match="there is no task 'paint'"):
        task_class("paint")
