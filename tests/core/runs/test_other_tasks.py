"""The runner knows nothing of classification: tasks of other shapes run through it unchanged."""

import sys
import types

import numpy as np
import pyarrow as pa
import pytest
import torch

import zoo
from zoo.errors import PredictionError
from zoo.metrics import Metric, Score
from zoo.tasks.base import Task
from zoo.tasks.declared import TASK_SPECS

PLUGIN = """
    import torch
    from zoo.data import ArrayDataset
    from zoo.hookspecs import hookimpl
    from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec

    @hookimpl
    def zoo_datasets():
        return [
            DatasetSpec(name="points", summary="Points.", modality="vector", target="zoo_other:open_points",
                        splits={"test": 90}, licence="CC0-1.0", citation="made up"),
        ]

    def open_points(files, split):
        points = torch.randn(90, 4, generator=torch.Generator().manual_seed(0))
        points[:, 0] += torch.arange(90) % 3 * 4
        return ArrayDataset(points, [i % 3 for i in range(90)], [f"p{i:02}" for i in range(90)], ())

    @hookimpl
    def zoo_metrics():
        common = dict(direction="higher", reference="none", range=(None, None))
        return [
            MetricSpec(name="nearest", summary="Nearest neighbours.", task="embed", target="toy_tasks:Nearest", **common),
            MetricSpec(name="mean", summary="Mean pixel.", task="generate", target="toy_tasks:MeanPixel", **common),
        ]

    @hookimpl
    def zoo_benchmarks():
        common = dict(modality="vector", dataset="other/points")
        return [
            BenchmarkSpec(name="retrieval", summary="Retrieve.", task="embed", metrics=("other/nearest",), **common),
            BenchmarkSpec(name="painting", summary="Paint.", task="generate", metrics=("other/mean",),
                          protocol={"side": 2}, **common),
            BenchmarkSpec(name="judged", summary="Paint for a judge.", task="generate", metrics=("other/mean",),
                          protocol={"side": 2}, aux={"judge": "intro/logistic@digits"}, **common),
        ]
"""


class Embed(Task):
    """One vector a sample; its label is stored beside it."""

    name, version, shard_size = "embed", 1, 32

    @classmethod
    def default_metrics(cls, data):
        return ("other/nearest",)

    def prepare(self, sample):
        return sample

    def collate(self, samples):
        return {"points": torch.stack([sample.input for sample in samples]), "names": [sample.id for sample in samples]}

    def predict(self, model, batch):
        assert batch.inputs["names"] == list(batch.ids)
        vectors = model(batch.inputs["points"])
        if not torch.isfinite(vectors).all():
            raise PredictionError("not finite", ids=batch.ids)
        return vectors

    @property
    def schema(self):
        return pa.schema([("vector", pa.list_(pa.float32())), ("label", pa.int32())])

    def encode(self, predictions, batch):
        return {
            "vector": pa.array(list(predictions.float().numpy()), pa.list_(pa.float32())),
            "label": pa.array(batch.targets, pa.int32()),
        }

    def decode(self, table):
        vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
        return {"vector": vectors, "label": table["label"].to_numpy()}


class Generate(Task):
    """An image a sample id, from the sample's own seed; stored as uint8. A judge, where there is one, sees them."""

    name, version, shard_size = "generate", 1, 40

    @classmethod
    def default_metrics(cls, data):
        return ("other/mean",)

    def prepare(self, sample):
        return sample._replace(input=None)

    def collate(self, samples):
        return [None] * len(samples)

    def predict(self, model, batch):
        side = self.protocol["side"]
        noise = [torch.randn(1, side, side, generator=torch.Generator().manual_seed(seed)) for seed in batch.seeds]
        images = model(torch.stack(noise)).sigmoid()
        if self.aux:
            assert set(self.aux_models) == set(self.aux) == {"judge"} and self.aux["judge"].name == "intro/logistic@digits"
            assert self.aux_models["judge"](torch.zeros(1, 1, 8, 8)).shape == (1, 10)
        return images

    @property
    def schema(self):
        return pa.schema([("image", pa.binary())])

    def encode(self, predictions, batch):
        return {"image": pa.array([(image * 255).byte().numpy().tobytes() for image in predictions], pa.binary())}

    def decode(self, table):
        side = self.protocol["side"]
        content = b"".join(table["image"].to_pylist())
        return {"image": np.frombuffer(content, dtype=np.uint8).reshape(table.num_rows, side, side)}


class Nearest(Metric):
    """A corpus metric: share of vectors whose nearest other vector has their label."""

    gathers = True

    def update(self, rows):
        return {"vector": rows.columns["vector"], "label": rows.columns["label"]}

    def compute(self, state, classes):
        if not len(state["label"]):
            return Score(None, 0)
        distance = np.linalg.norm(state["vector"][:, None] - state["vector"][None], axis=2)
        np.fill_diagonal(distance, np.inf)
        hits = state["label"][distance.argmin(1)] == state["label"]
        return Score(float(hits.mean()), len(hits), interval="none: a toy")


class MeanPixel(Metric):
    """Mean pixel of all images, by sums; the dataset can be read again by position."""

    def update(self, rows):
        again = [rows.dataset[position].id for position in rows.positions] if rows.dataset is not None else []
        assert again == list(rows.ids)
        return {"sum": np.array([rows.columns["image"].astype(np.int64).sum()]), "n": np.array([len(rows)])}

    def compute(self, state, classes):
        n = int(state["n"][0])
        return Score(float(state["sum"][0] / n) if n else None, n, interval="none: a toy")


@pytest.fixture(autouse=True)
def other(plugin, monkeypatch):
    module = types.ModuleType("toy_tasks")
    module.Embed, module.Generate, module.Nearest, module.MeanPixel = Embed, Generate, Nearest, MeanPixel
    monkeypatch.setitem(sys.modules, "toy_tasks", module)
    for name in ("embed", "generate"):
        spec = TASK_SPECS[name].model_copy(update={"target": f"toy_tasks:{name.title()}"})
        monkeypatch.setitem(TASK_SPECS, name, spec)
    plugin("other", PLUGIN)


def stored(zoo_home, record):
    import pyarrow.parquet as pq

    return [pq.read_table(path).to_pylist() for path in sorted((zoo_home / "runs" / record.key).rglob("*.parquet"))]


@pytest.mark.parametrize("task", ["retrieval", "painting"])
@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (7, 2), (256, 1)])
def test_another_task_runs_and_does_not_depend_on_batches(task, batch_size, workers, zoo_home):
    model = torch.nn.Identity()
    reference = zoo.evaluate(model, f"other/{task}", batch_size=64, workers=0)
    expected = stored(zoo_home, reference)
    record = zoo.evaluate(model, f"other/{task}", batch_size=batch_size, workers=workers, fresh=True)
    assert record.task == ("embed" if task == "retrieval" else "generate")
    assert (record.shards.total, record.primary.n) == (3, 90)
    assert stored(zoo_home, record) == expected
    assert record.results == reference.results


def test_a_corpus_metric_is_that_of_the_whole_corpus():
    record = zoo.evaluate(torch.nn.Identity(), "other/retrieval")
    data = zoo.dataset("other/points")
    whole = Nearest().compute({"vector": data.inputs.numpy(), "label": np.array(data.targets)}, ())
    assert record.primary.value == whole.value > 0.5


def test_what_is_drawn_depends_on_the_seed_of_the_run(zoo_home):
    model = torch.nn.Identity()
    first, second = (zoo.evaluate(model, "other/painting", seed=seed) for seed in (0, 1))
    assert first.key != second.key
    assert stored(zoo_home, first) != stored(zoo_home, second)
    images = [row["image"] for shard in stored(zoo_home, first) for row in shard]
    assert len(set(images)) > 80


def test_batches_of_several_columns_are_halved_when_memory_runs_out(zoo_home):
    def cramped(points):
        if len(points) > 10:
            raise torch.OutOfMemoryError("full")
        return points

    whole = zoo.evaluate(torch.nn.Identity(), "other/retrieval")
    record = zoo.evaluate(cramped, "other/retrieval")
    assert record.execution.batch_size == 8
    assert record.results == whole.results


def test_the_other_models_of_a_protocol_are_bound_and_part_of_the_key():
    model = torch.nn.Identity()
    judged, alone = (zoo.evaluate(model, f"other/{name}", key="k") for name in ("judged", "painting"))
    assert judged.key != alone.key
    assert judged.protocol["aux"] == {"judge": "intro/logistic@digits"}
    assert judged.results == alone.results
    assert zoo.evaluate(model, "other/judged", key="k").shards.computed == 0
