"""A recipe's techniques: resolved, combined where they can be, kept by name, and never passed over in silence."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import make_job

import zoo
from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.specs import Optimizer, RecipeSpec
from zoo.training import loop
from zoo.training.job import TrainingProgress, TrainResult
from zoo.training.techniques import chosen, with_techniques


def recipe(**fields: Any) -> RecipeSpec:
    return RecipeSpec(name="own/tiny", summary="A test", model="intro/mlp", dataset="data/digits", **fields)


def changed(start: RecipeSpec, *added: str, without: tuple[str, ...] = ()) -> RecipeSpec:
    return with_techniques(zoo.registry(), start, added, without)


def test_what_is_added_takes_its_place() -> None:
    found = changed(recipe(techniques=("bf16",)), "lamb:eps=1e-5", "wsd", "fp32", "gradient-accumulation:2")
    assert found.optimizer == Optimizer(name="training/lamb:eps=1e-5")
    assert found.schedule == "training/wsd"
    assert found.techniques == ("training/fp32", "training/gradient-accumulation:2")
    kept = chosen(zoo.registry(), found)
    assert kept.one("optimizer").eps == 1e-5 and kept.of("memory")[0].steps == 2


def test_what_is_removed_is_gone() -> None:
    assert changed(recipe(techniques=("training/bf16",)), without=("bf16",)).techniques == ()


def test_the_precision_of_older_recipes_is_a_technique() -> None:
    old = recipe(options={"precision": "bf16", "width": 3})
    assert chosen(zoo.registry(), old).one("precision").accelerator("cpu") == {"mixed_precision": "bf16"}
    assert changed(old, "fp32").techniques == ("training/fp32",)
    assert changed(old).options == {"width": 3}


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (("lamb", "lion"), "training/lamb and training/lion are each a training's only optimizer"),
        (("bf16", "fp32"), "training/bf16 and training/fp32 are each a training's only precision"),
        (("linear-scaling", "sqrt-scaling"), "cannot be combined"),
        (("lamb:rho=1",), "has no option 'rho'"),
        (("lamb:algorithm=lion",), "has no option 'algorithm'"),
        (("lamb:eps=-1",), "greater than 0"),
        (("cosine:0.1,0.2",), "has 2 values"),
    ],
)
def test_what_cannot_be_is_refused_before_training(added: tuple[str, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        chosen(zoo.registry(), changed(recipe(), *added))


def test_names_that_are_none_are_said() -> None:
    with pytest.raises(UnknownNameError) as caught:
        changed(recipe(), "lambb")
    assert "training/lamb" in caught.value.hint
    with pytest.raises(UnknownNameError, match="is a model, not a technique"):
        changed(recipe(), "cnn/lenet5")
    with pytest.raises(OptionError, match="has no technique training/bf16"):
        changed(recipe(), without=("bf16",))
    with pytest.raises(OptionError, match="is of kind schedule, not optimizer"):
        chosen(zoo.registry(), recipe(optimizer=Optimizer(name="cosine")))


def test_float16_is_refused_without_a_gpu() -> None:
    with pytest.raises(OptionError, match="needs a GPU"):
        zoo.train("intro/mlp-digits", techniques=["fp16"], device="cpu")


def ignoring(job: Any) -> TrainResult:
    """A trainer that knows no techniques."""
    job.report(TrainingProgress(1, 1, 1, 1, 0.5, 0.5))
    raise AssertionError("it went on")


def test_a_trainer_that_passes_a_technique_over_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does nothing with training/bf16"):
        ignoring(make_job(tmp_path, techniques=("bf16",)))


def test_accumulation_gives_the_weights_of_whole_batches(tmp_path: Path) -> None:
    """Also of the last batch, which here has fewer samples than there are parts."""
    samples = len(make_job(tmp_path).train)
    size = next(size for size in range(32, 99) if 1 < samples % size < 5)
    settings = {"model": "Plain", "epochs": 2, "optimizer": Optimizer(name="sgd", lr=0.1), "batch_size": size}
    whole = loop.train(make_job(tmp_path / "whole", **settings))
    parts = loop.train(make_job(tmp_path / "parts", techniques=("gradient-accumulation:steps=5",), **settings))
    for key, weights in whole.state.items():
        assert torch.allclose(parts.state[key], weights, rtol=0, atol=1e-5), key
    assert [e.loss for e in parts.history] == pytest.approx([e.loss for e in whole.history], rel=1e-5)


def test_more_parts_than_samples_are_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a batch of 32 cannot go in 33 parts"):
        loop.Loop(make_job(tmp_path, techniques=("gradient-accumulation:steps=33",)))


def test_batches_whose_samples_depend_on_each_other_cannot_go_in_parts(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="compares the samples of a batch"):
        loop.train(make_job(tmp_path, class_weights="balanced", techniques=("gradient-accumulation",)))


def test_the_rate_follows_the_batch(tmp_path: Path) -> None:
    made = loop.Loop(make_job(tmp_path, schedule="constant", techniques=("linear-scaling:16",)))
    assert made.schedule.get_last_lr() == [pytest.approx(0.01 * 32 / 16)]


def test_costs_are_counted_and_leave_no_trace(tmp_path: Path) -> None:
    """A linear network, where all is known: 64 inputs, 10 outputs, batches of 32, float32."""
    result = loop.train(make_job(tmp_path, model="Plain", epochs=2))
    cost = result.cost
    assert cost is not None
    assert cost.parameter_bytes == cost.gradient_bytes == 4 * 650
    assert cost.optimizer_bytes == 2 * 4 * 650 + 2 * 4  # Adam's two means, and a step for each of two tensors
    assert cost.flops == 2 * 32 * 64 * 10 * 2  # the product forward, and that for the weights' gradient
    assert cost.steps == 16 and cost.skipped == 0 and cost.step_seconds > 0
    assert cost.activation_bytes is not None and cost.activation_bytes > 0


def test_a_rehearsal_changes_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsed = loop.train(make_job(tmp_path / "with"))
    monkeypatch.setattr("zoo.training.costs.Costs.rehearse", lambda *_: None)
    plain = loop.train(make_job(tmp_path / "without"))
    assert all(torch.equal(rehearsed.state[key], plain.state[key]) for key in plain.state)
