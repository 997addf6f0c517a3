"""A task and a modality that a plugin declares, beside any of ours: numbers predicted from rows of a table."""

from typing import Any

import numpy as np
import pytest

import zoo
from zoo.errors import ModelError, PluginError, PredictionError
from zoo.specs import BenchmarkSpec
from zoo.tasks import task_of

PLUGIN = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec, ModalitySpec, ModelSpec, TaskSpec

@hookimpl
def zoo_modalities():
    return [ModalitySpec(name="table", summary="A dict of fields.")]

@hookimpl
def zoo_tasks():
    return [TaskSpec(name="regress", summary="Predict a number.", target="tab.regress:Regress", modalities=("table",))]

@hookimpl
def zoo_models():
    return [
        ModelSpec(name=name, summary="S.", tasks={"regress": f"tab.regress:{name.title()}"}, modality="table")
        for name in ("line", "mean")
    ]

@hookimpl
def zoo_datasets():
    shared = dict(modality="table", tasks=("regress",), target="tab.regress:rows", licence="x", citation="y")
    return [DatasetSpec(name="rows", summary="S.", splits={"test": 100}, **shared)]

@hookimpl
def zoo_metrics():
    shared = dict(task="regress", target="tab.regress:Mae", direction="lower", range=(0.0, None), reference="scikit-learn")
    return [MetricSpec(name="mae", summary="S.", **shared)]
"""
CODE = """
import numpy as np
import pyarrow as pa
import torch

from zoo.data import Sample, SampleSequence
from zoo.metrics import NO_SAMPLES, Metric, scored, student_mean
from zoo.tasks import Task, check_floats

class Regress(Task):
    name, version, shard_size = "regress", 1, 32

    @classmethod
    def default_metrics(cls, data):
        return ("tab/mae",)

    @classmethod
    def suited(cls, modality, protocol, aux):
        return Liar if protocol.get("kind") == "liar" else cls

    def prepare(self, sample):
        return Sample(sample.id, sample.input, float(sample.target))

    def collate(self, samples):
        return [sample.input for sample in samples]

    def predict(self, model, batch):
        return check_floats(model(batch.inputs), (len(batch), 1), "numbers", batch.ids, self.model.name)

    @property
    def schema(self):
        return pa.schema([("value", pa.float32()), ("target", pa.float64())])

    def encode(self, predictions, batch):
        return {"value": pa.array(predictions[:, 0].numpy()), "target": pa.array(batch.targets, pa.float64())}

    def decode(self, table):
        return {"value": table["value"].to_numpy(), "target": table["target"].to_numpy()}

class Liar(Regress):
    name = "classify"

class Line:
    def __call__(self, rows):
        return torch.tensor([[2.0 * row["x"]] for row in rows])

class Mean:
    def __call__(self, rows):
        return torch.ones(len(rows), 1)

class Rows(SampleSequence):
    classes, fingerprint, modality, tasks = None, "rows 1", "table", ("regress",)

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.random(100)
        self.targets = (2 * self.x + 0.1 * rng.standard_normal(100)).tolist()
        self.ids = [f"row-{i:02}" for i in range(100)]

    def __getitem__(self, index):
        return Sample(self.ids[index], {"x": float(self.x[index]), "town": "Zürich"}, self.targets[index])

def rows(files, split):
    return Rows()

class Mae(Metric):
    gathers = True

    def update(self, rows):
        return {"apart": np.abs(rows.columns["value"] - rows.columns["target"])}

    def compute(self, state, classes):
        apart = state["apart"]
        return scored(apart.mean(), len(apart), student_mean(apart)) if len(apart) else NO_SAMPLES

    def values(self, state):
        return state["apart"]
"""


@pytest.fixture
def tab(lasting: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the plugin's code."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    lasting("tab", PLUGIN, files={"tab/regress.py": CODE})
    import importlib

    return importlib.import_module("tab.regress")


def test_it_runs_is_compared_and_found_again(tab: Any) -> None:
    first, second = zoo.evaluate("tab/line", "tab/rows"), zoo.evaluate("tab/mean", "tab/rows")
    data = tab.Rows()
    assert first.primary.value == pytest.approx(np.abs(2 * data.x - data.targets).mean(), rel=1e-6)
    assert first.primary.ci_low is not None and first.primary.ci_low < first.primary.value
    (found,) = zoo.compare(first, second).differences
    assert found.ci_high is not None and found.ci_high < 0 and found.test == "paired permutation of samples"
    again = zoo.evaluate("tab/line", data)
    assert again.primary.value == first.primary.value and again.task == "regress"
    assert zoo.evaluate("tab/line", "tab/rows").shards.reused == 4


def test_what_it_refuses_names_samples(tab: Any) -> None:
    with pytest.raises(PredictionError, match="row-") as caught:
        zoo.evaluate(lambda rows: tab.Line()(rows) * float("nan"), "tab/rows", limit=5)
    assert len(caught.value.ids) == 5
    with pytest.raises(ModelError, match="nothing says how a file is read as table"):
        zoo.predict("tab/line", __file__)


def test_a_suited_class_that_calls_itself_otherwise_is_refused(tab: Any) -> None:
    fields = {"summary": "S.", "task": "regress", "modality": "table", "dataset": "tab/rows", "metrics": ("tab/mae",)}
    assert task_of(BenchmarkSpec(name="b", **fields)).name == "regress"
    with pytest.raises(PluginError, match="task 'regress' is run by Liar, which calls itself 'classify'"):
        task_of(BenchmarkSpec(name="b", protocol={"kind": "liar"}, **fields))
