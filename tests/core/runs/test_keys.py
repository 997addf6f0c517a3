"""The key of a run: it changes with what determines the predictions, and with nothing else."""

import sys

import pytest
import torch
from torch import nn

import zoo
from zoo.specs import ImageInput


@pytest.fixture
def key(toy):
    def of(model=None, name="toy/vectors", **options):
        return zoo.evaluate(toy.Linear() if model is None else model, name, **{"classes": "dataset", "key": "toy", **options}).key

    return of


@pytest.mark.parametrize(
    "options",
    [{"seed": 1}, {"precision": "bf16"}, {"limit": 1999}, {"classes": ("ant", "bee", "cat")}, {"key": "mine"}],
    ids=str,
)
def test_the_key_changes_with_what_is_asked_for(options, key):
    assert key(**options) != key()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 7},
        {"batch_size": "32"},
        {"workers": 0},
        {"workers": 2},
        {"device": "cpu"},
        {"device": "cpu:0"},
        {"metrics": ["nll", "toy/spread"]},
        {"skip_bad": 3},
        {"fresh": True},
        {"progress": print},
    ],
    ids=str,
)
def test_the_key_does_not_change_with_how_it_is_run(options, key):
    assert key(**options) == key()


def test_the_key_changes_with_the_content_of_the_dataset(key, monkeypatch):
    before = key()
    monkeypatch.setenv("TOY_SHIFT", "0.001")
    assert key() != before


def test_the_key_changes_with_preprocessing(toy, key):
    keys = {
        key(toy.Linear(192), "toy/photos", input=given)
        for given in (None, ImageInput(size=(8, 8)), ImageInput(size=(8, 8), interpolation="bicubic"))
    }
    assert len(keys) == 3


def test_the_key_changes_with_parameters_and_with_nothing_that_equal_parameters_share(toy, key):
    assert key(toy.Linear(seed=1)) != key(toy.Linear(seed=0))
    assert key(toy.Linear(seed=1)) == key(toy.Linear(seed=1).train())


def test_the_key_changes_with_the_modules_source(toy, key, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    keys = set()
    for body in ("x.flip(1)", "x.flip(0)"):
        (tmp_path / "edited.py").write_text(
            f"from torch import nn\nclass Net(nn.Module):\n    def forward(self, x): return {body}[:, :3]\n"
        )
        monkeypatch.delitem(sys.modules, "edited", raising=False)
        import edited

        keys.add(key(edited.Net()))
    assert len(keys) == 2


def test_the_key_changes_with_the_weights(tmp_path, monkeypatch):
    from zoo.opening.weights import save_state

    shipped = zoo.evaluate("intro/logistic", "digits")
    state = zoo.load("intro/logistic@digits").state_dict()
    same, other = tmp_path / "same.safetensors", tmp_path / "other.safetensors"
    save_state(same, state)
    save_state(other, {name: tensor + 0.01 for name, tensor in state.items()})
    first = zoo.evaluate("intro/logistic", "digits", weights=same)
    second = zoo.evaluate("intro/logistic", "digits", weights=other)
    assert len({shipped.key, first.key, second.key}) == len({shipped.model.weights_sha256, first.key, second.key}) == 3
    assert first.model.name == "intro/logistic"  # the tag names the weights that were declared
    assert first.model.weights_uri.endswith("same.safetensors")


def test_another_metric_on_an_old_run_computes_no_shard(toy):
    model = toy.Linear()
    first = zoo.evaluate(model, "toy/vectors", classes="dataset", key="toy")
    calls = toy.calls
    second = zoo.evaluate(model, "toy/vectors", classes="dataset", key="toy", metrics=["f1:positive=bee"])
    assert toy.calls == calls
    assert second.shards.computed == 0
    assert second.results[: len(first.results)] == first.results
    assert second.results[-1].metric == "f1:positive=bee"
    assert second.run_id != first.run_id and second.key == first.key
    assert [record.run_id for record in zoo.Store().records()] == [second.run_id, first.run_id]


def test_a_module_of_torch_alone_is_resumed_whoever_builds_it(toy):
    def built():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    zoo.evaluate(built(), "toy/vectors", classes="dataset", key="k")
    assert zoo.evaluate(built(), "toy/vectors", classes="dataset", key="k").shards.computed == 0
