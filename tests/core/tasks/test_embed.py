"""Task embed: vectors verified, places stored and read back, whole runs from images, texts and vectors."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import zoo
from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo.tasks.base import Batch
from zoo.tasks.embed import Embed, Place, as_place


def bound(modality: str = "vector", input: ImageInput | None = None) -> Embed:
    return Embed(ModelInfo("local/model", None, None, input), DataInfo("toy", "test", modality, None))


def batch(n: int, targets: list[object] | None = None) -> Batch:
    return Batch([f"s{i}" for i in range(n)], torch.zeros(n, 2), targets or [0] * n, list(range(n)))


def test_the_task_is_known_by_name() -> None:
    assert task_class("embed") is Embed


@pytest.mark.parametrize("returned", [None, [[0.0] * 3], torch.zeros(2, 3, dtype=torch.int64)], ids=["none", "list", "int64"])
def test_what_is_no_float_tensor_is_refused_by_name(returned: object) -> None:
    with pytest.raises(PredictionError, match="s0, s1") as caught:
        bound().predict(lambda _: returned, batch(2))
    assert caught.value.ids == ("s0", "s1")


@pytest.mark.parametrize("shape", [(3, 3), (2,), (2, 3, 1), (2, 0)])
def test_a_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PredictionError, match=r"vectors of shape .* for 2 samples"):
        bound().predict(lambda _: torch.zeros(shape), batch(2))


def test_all_vectors_have_one_length() -> None:
    task = bound()
    task.predict(lambda _: torch.zeros(2, 3), batch(2))
    with pytest.raises(PredictionError, match=r"\[2, 4\]") as caught:
        task.predict(lambda _: torch.zeros(2, 4), batch(2))
    assert "expected [2, 3]" in caught.value.hint


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_vectors_that_are_not_finite_are_named(bad: float) -> None:
    vectors = torch.zeros(3, 2, dtype=torch.float64)
    vectors[1, 0] = bad
    with pytest.raises(PredictionError, match="1 samples: s1") as caught:
        bound().predict(lambda _: vectors, batch(3))
    assert caught.value.ids == ("s1",)


def test_an_int_is_a_place_that_is_both() -> None:
    assert as_place(np.int64(3)) == Place(3, "both", "")


@pytest.mark.parametrize("target", ["3", 1.5, None, Place(-1), Place(2**31), Place(0, "neither")])  # type: ignore[arg-type]
def test_what_is_no_place_is_refused(target: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        bound().prepare(Sample("s", torch.zeros(2), target))


def test_a_text_must_be_text() -> None:
    with pytest.raises(ValueError, match="a text must be a str"):
        bound("text").prepare(Sample("s", 7, 0))


def test_images_are_prepared_as_the_model_wants_them() -> None:
    prepared = bound("image", ImageInput(channels=1, size=(4, 4))).prepare(
        Sample("s", torch.zeros(3, 8, 8, dtype=torch.uint8), 1)
    )
    assert (prepared.input.shape, prepared.input.dtype) == ((1, 4, 4), torch.float32)


def test_places_and_vectors_are_stored_and_read_back() -> None:
    task, places = bound(), [Place(7, "query", "run01"), 3, Place(2, "gallery")]
    vectors = torch.randn(3, 5, dtype=torch.float64)
    columns = task.encode(task.predict(lambda _: vectors, batch(3)), batch(3, places))
    assert [(name, column.type) for name, column in columns.items()] == [(f.name, f.type) for f in task.schema]
    read = task.decode(pa.table(columns, schema=task.schema))
    assert np.array_equal(read["vector"], vectors.float().numpy())
    assert read["label"].tolist() == [7, 3, 2]
    assert read["role"].tolist() == ["query", "both", "gallery"]
    assert read["episode"].tolist() == ["run01", "", ""]


def test_an_empty_shard_reads_back_empty() -> None:
    read = bound().decode(bound().schema.empty_table())
    assert {name: column.shape for name, column in read.items()} == {
        "vector": (0, 0),
        "label": (0,),
        "role": (0,),
        "episode": (0,),
    }


def test_any_labelled_dataset_is_a_retrieval_set_for_a_model_by_name() -> None:
    record = zoo.evaluate("metric/pixels", "digits")
    values = {result.metric: result.value for result in record.results}
    assert record.task == "embed"
    assert values["recall-at-k:k=1"] > 0.9
    assert values["recall-at-k:k=1"] <= values["recall-at-k:k=5"]
    assert 0 < values["eer"] < 0.5 < values["roc-auc"]


def test_batch_size_workers_and_shards_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    first = zoo.evaluate("metric/pixels", "digits", batch_size=1, workers=0)
    monkeypatch.setattr(Embed, "shard_size", 100)
    second = zoo.evaluate("metric/pixels", "digits", batch_size=64, workers=2)
    assert (first.shards.total, second.shards.total) == (1, 4)
    assert [result.value for result in first.results] == [result.value for result in second.results]


def test_a_model_of_another_task_says_which_it_has() -> None:
    with pytest.raises(ModelError, match="classify") as caught:
        zoo.evaluate("cnn/resnet20@cifar10", "omniglot")
    assert caught.value.hint
