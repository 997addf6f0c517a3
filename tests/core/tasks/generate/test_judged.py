"""Judged samples: what a classifier sees in what is drawn, and whether the class that was asked for came out."""

import pytest
import torch

from zoo.data.dataset import Sample
from zoo.errors import ModelError
from zoo.tasks import Batch, DataInfo, ModelInfo, Reals
from zoo.tasks.by_name import task_class
from zoo.tasks.generate.judged import JudgedSampling

CLASSES = ("dark", "light")
DATA = DataInfo("toy", "test", "image", CLASSES)
DRAWER = ModelInfo("toy/drawer", "image", None)


def brightness(images):
    """Logits in the order light, dark, other: the mean grey decides."""
    mean = images.flatten(1).mean(1)
    return torch.stack([mean, 1 - mean, torch.full_like(mean, 0.4)], 1)


def drawer(conditions, seeds):
    """As it is asked; of its own accord light."""
    return [torch.full((1, 4, 4), 0.1 if condition == "dark" else 0.9) for condition in conditions]


@pytest.fixture
def task():
    judge = ModelInfo("toy/judge", "image", ("light", "dark", "other"))
    bound = JudgedSampling(DRAWER, DATA, {}, {"features": ModelInfo("toy/features", "image", None), "judge": judge})
    bound.bind({"features": lambda images: images.flatten(1), "judge": brightness})
    return bound


def batch(task, *conditions):
    reals = Reals(torch.zeros(1, 4, 4), torch.ones(1, 4, 4))
    samples = [task.prepare(Sample(f"s{i}", condition, reals)) for i, condition in enumerate(conditions)]
    return Batch([sample.id for sample in samples], task.collate(samples), [None] * len(samples), range(len(samples)))


def test_classes_are_the_datasets_by_name_whatever_the_judges_order(task):
    found = task.predict(drawer, batch(task, "dark", "light", None))
    assert (found.judged.tolist(), found.judged_real.tolist(), found.asked.tolist()) == ([0, 1, 1], [0, 0, 0], [0, 1, -1])


def test_a_class_that_the_dataset_lacks_is_one_more_than_the_last(task):
    task.bind({**task.aux_models, "judge": lambda images: torch.tensor([[0.0, 0.0, 1.0]]).expand(len(images), 3)})
    assert task.predict(drawer, batch(task, None)).judged.tolist() == [2]


def test_what_is_stored_is_what_was_predicted(task):
    import pyarrow as pa

    asked = batch(task, "dark", None)
    table = pa.table(task.encode(task.predict(drawer, asked), asked), schema=task.schema)
    columns = task.decode(table)
    assert (
        columns["judged"].tolist() == [0, 1] and columns["asked"].tolist() == [0, -1] and set(columns["judge"]) == {"toy/judge"}
    )
    assert columns["features"].shape == (2, 16) and task.decode(task.schema.empty_table())["judged"].shape == (0,)


def test_a_condition_that_is_no_class_is_a_corrupt_sample(task):
    with pytest.raises(ValueError, match="'grey' is none of the classes"):
        batch(task, "grey")


def test_a_dataset_without_classes_cannot_be_judged():
    aux = {"features": ModelInfo("f", "image", None), "judge": ModelInfo("j", "image", CLASSES)}
    with pytest.raises(ModelError, match="no classes"):
        JudgedSampling(DRAWER, DataInfo("toy", "test", "image", None), {}, aux)


def test_a_judge_makes_a_benchmark_of_this_kind():
    assert task_class("generate").suited("image", {}, ("features", "judge")) is JudgedSampling
