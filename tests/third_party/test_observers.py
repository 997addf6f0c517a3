"""The examples of the plugin guide, TensorBoard and MLflow, watch real runs and trainings with the real libraries."""

import ast
import importlib
import shutil
import sys
from pathlib import Path

import pytest

import zoo
from zoo.errors import ModelError
from zoo.plugins.hooks import manager

EXAMPLES = Path(__file__).parents[2] / "examples"
HOOKS = [f"zoo_{events}_{event}" for events in ("run", "train") for event in ("started", "progress", "finished", "failed")]
QUICK = {"epochs": 2, "seed": 3, "device": "cpu", "overrides": {"batch_size": 256}}


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Install one of the examples: example("tensorboard")."""

    def install(name):
        site, module = tmp_path / "site", f"zoo_{name}"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zoo-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {module}\n")
        shutil.copy(EXAMPLES / f"zoo-{name}" / f"{module}.py", site)
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(site)
        return importlib.import_module(module)

    return install


class Breaking:
    """A classifier of digits that raises at its second batch."""

    calls = 0

    def __call__(self, images):
        import torch

        self.calls += 1
        if self.calls > 1:
            raise ValueError("out of ink")
        return torch.zeros(len(images), 10)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_the_examples_implement_every_hook_that_observes_and_import_nothing_heavy(example, name):
    module = example(name)
    plugins = manager([(name, module)])
    plugins.check_pending()
    assert [hook for hook in HOOKS if not getattr(plugins.hook, hook).get_hookimpls()] == []
    tree = ast.parse((EXAMPLES / f"zoo-{name}" / f"zoo_{name}.py").read_text())
    above = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in above}
    assert names <= {"os", "re", "pathlib", "typing", "zoo"}


def watched(monkeypatch):
    """One run that is computed, one that finds all done, one that fails, one training and one that fails."""
    done = zoo.evaluate("intro/logistic@digits", "digits", device="cpu", batch_size=64)
    again = zoo.evaluate("intro/logistic@digits", "digits", device="cpu")
    with pytest.raises(ModelError, match="out of ink"):
        zoo.evaluate(Breaking(), "digits", classes="dataset", batch_size=64, device="cpu")
    trained = zoo.train("intro/logistic-digits", **QUICK)
    monkeypatch.setattr("zoo.training.loop.Loop._step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        zoo.train("intro/logistic-digits", **{**QUICK, "seed": 4})
    return done, again, trained


def test_tensorboard_has_the_curves(example, tmp_path, monkeypatch, recwarn):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("ZOO_TENSORBOARD", str(tmp_path / "curves"))
    example("tensorboard")
    done, again, trained = watched(monkeypatch)
    read = {}
    for folder in (tmp_path / "curves").iterdir():
        read[folder.name] = EventAccumulator(str(folder))
        read[folder.name].Reload()
    assert len(read) == 5
    for record in (done, again):
        (one,) = [events for name, events in read.items() if record.run_id[:8] in name]
        assert one.Scalars("accuracy/value")[0].value == pytest.approx(record.primary.value)
    (training,) = [events for name, events in read.items() if trained.key[:8] in name]
    scores = [event.value for event in training.Scalars(f"validation/{trained.recipe.metric}")]
    assert scores == pytest.approx([epoch.score for epoch in trained.history])
    failed = [events for events in read.values() if any("failed" in tag for tag in events.Tags()["tensors"])]
    assert len(failed) == 2
    assert trained.doubt == "" and not [w for w in recwarn if "plugin" in str(w.message)]


def test_mlflow_has_runs_with_their_state(example, tmp_path, monkeypatch, recwarn):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")  # with which MLflow keeps its runs in SQLite
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "watched")
    example("mlflow")
    done, again, trained = watched(monkeypatch)
    client = mlflow.MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name("watched").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FAILED", "FINISHED", "FINISHED", "FINISHED"]
    by_run = {run.data.tags.get("run"): run for run in runs}
    for record in (done, again):
        assert by_run[record.run_id].data.metrics["accuracy"] == pytest.approx(record.primary.value)
        assert by_run[record.run_id].data.metrics["accuracy/ci_low"] == pytest.approx(record.primary.ci_low)
    (training,) = [run for run in runs if run.data.tags.get("weights_sha256") == trained.weights_sha256]
    history = client.get_metric_history(training.info.run_id, f"validation/{trained.recipe.metric}")
    assert [one.value for one in history] == pytest.approx([epoch.score for epoch in trained.history])
    errors = [run.data.tags["error"].partition(":")[0] for run in runs if "error" in run.data.tags]
    assert sorted(errors) == ["ModelError", "ZeroDivisionError"]
    assert trained.doubt == "" and not [w for w in recwarn if "plugin" in str(w.message)]
