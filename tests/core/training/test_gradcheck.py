"""The gradient check finds a wrong gradient and names it, and is not deceived by what training draws, changes or bends."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_training import FULL, make_job

import zoo
from zoo.errors import ModelError, OptionError
from zoo.specs import ModelSpec
from zoo.training.gradcheck import GradientCheck, check_gradients
from zoo.training.gradients import Variable, compare


def checked(folder: Path, network: str, entries: int = 5, **recipe: Any) -> GradientCheck:
    """The check of a network of `faulty_gradients`, or with a module's name of another, on eight digits."""
    job = make_job(folder, **{"batch_size": 8, **recipe})
    target = network if ":" in network else f"faulty_gradients:{network}"
    spec = ModelSpec(name="net", summary="A test", tasks={"classify": target}, modality="image")
    return check_gradients(replace(job, model=spec), entries, 1e-5)


def named(check: GradientCheck) -> dict[str, Any]:
    return {parameter.name: parameter for parameter in check.parameters}


def test_right_gradients_pass_and_every_parameter_is_listed(tmp_path: Path) -> None:
    check = checked(tmp_path, "Linear")
    assert check.passed
    assert [(p.name, p.shape) for p in check.parameters] == [
        *(("first.weight", (16, 64)), ("first.bias", (16,))),
        *(("last.weight", (10, 16)), ("last.bias", (10,))),
    ]
    assert all(parameter.compared == 6 and parameter.error < 1e-6 for parameter in check.parameters)
    assert (check.samples, check.by, check.notes) == (8, "autograd", ())


@pytest.mark.parametrize("entries", [1, 5, pytest.param(2000, marks=pytest.mark.slow)])
def test_one_wrong_entry_of_a_thousand_is_found_and_its_parameter_named(tmp_path: Path, entries: int) -> None:
    check = checked(tmp_path, "OneEntryWrong", entries)
    assert not check.passed
    assert check.worst.name == "first.weight"
    assert [p.name for p in check.parameters if p.error > check.tolerance] == ["first.weight"]
    if entries == 2000:
        assert check.worst.place == "first.weight[7, 11]"
        assert check.worst.gradient / check.worst.difference == pytest.approx(1.001, abs=1e-5)


def test_a_gradient_that_was_cut_off_is_found(tmp_path: Path) -> None:
    check = checked(tmp_path, "Detached")
    assert not check.passed
    assert (check.worst.name, check.worst.gradient) == ("first.weight", 0.0)


@pytest.mark.parametrize("recipe", [{}, FULL], ids=["plain", "full"])
def test_dropout_and_batch_statistics_are_held_still_and_said(tmp_path: Path, recipe: dict[str, Any]) -> None:
    check = checked(tmp_path, "tiny_training:TinyNet", **recipe)
    assert check.passed
    assert len(check.parameters) == 6
    drawn, changed = check.notes
    assert "draws at random" in drawn
    assert "put back before every evaluation: body.1.running_mean, body.1.running_var, body.1.num_batches_tracked;" in changed


def test_what_a_network_remembers_is_put_back(tmp_path: Path) -> None:
    check = checked(tmp_path, "Remembering")
    assert check.passed
    assert "put back before every evaluation: steps;" in check.notes[0]


def test_what_a_loop_remembers_is_put_back(tmp_path: Path) -> None:
    check = checked(tmp_path, "Linear", trainer="faulty_gradients:train_counting")
    assert check.passed
    assert check.loss == checked(tmp_path, "Linear").loss


def test_casts_to_float32_do_not_round(tmp_path: Path) -> None:
    check = checked(tmp_path, "Narrow")
    assert check.passed
    assert torch.get_default_dtype() == torch.float32


def test_at_a_corner_nothing_is_judged_and_that_is_counted(tmp_path: Path) -> None:
    check = checked(tmp_path, "Corners")
    assert check.passed
    corners = named(check)["bias"]
    assert (corners.compared, corners.corners) == (6, 6)
    assert named(check)["scale"].corners == 0


def test_frozen_and_unused_parameters(tmp_path: Path) -> None:
    check = checked(tmp_path, "Unused")
    assert check.passed
    assert "first.weight" not in named(check)
    assert named(check)["idle"].gradient == 0
    assert "not checked, since they are frozen: first.weight" in check.notes


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("tiny_training:NoModule", "net has no parameters, so that there is no gradient to check"),
        ("Frozen", "all parameters of net are frozen"),
        ("NeitherNor", "net is NeitherNor: neither"),
        ("Restless", "with the same parameters"),
        ("Infinite", "loss of net is (nan|inf)"),
        ("ThroughNumPy", "float32|does not require grad"),
    ],
)
def test_a_loss_that_cannot_be_checked_is_refused(tmp_path: Path, network: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        checked(tmp_path, network)
    assert torch.get_default_dtype() == torch.float32


def test_nothing_is_left_behind(tmp_path: Path, zoo_home: Path) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = zoo.gradcheck("intro/mlp-digits")
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()
    assert not (zoo_home / "trained").exists()
    assert zoo.gradcheck("intro/mlp-digits") == first
    assert zoo.gradcheck("intro/mlp-digits", overrides={"batch_size": 3}).samples == 3


def test_backpropagation_by_hand_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_intro.mlp_numpy import ReLU

    check = zoo.gradcheck("intro/mlp-numpy-digits")
    assert check.passed
    assert (check.by, len(check.parameters), check.samples) == ("its own backpropagation", 6, 8)

    monkeypatch.setattr(ReLU, "backward", lambda self, d_a: d_a)
    check = zoo.gradcheck("intro/mlp-numpy-digits")
    assert not check.passed
    assert {p.name for p in check.parameters if p.error > check.tolerance} == {
        f"layers.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"samples": 0}, OptionError, "at least 1"),
        ({"tolerance": 0.0}, OptionError, "between 0 and 1"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        zoo.gradcheck(**{"recipe": "intro/mlp-digits", **settings})


def test_a_trainer_with_a_loop_of_its_own_does_not_say_its_loss(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is no zoo"):
        checked(tmp_path, "Linear", trainer="faulty_gradients:train_otherwise")


@pytest.mark.parametrize(
    ("loss", "gradient", "error"),
    [
        (lambda x: (x**4).sum(), lambda x: 4 * x**3, None),
        (lambda x: (x**4).sum(), lambda x: 4.01 * x**3, 0.01 / 4.01),
        (lambda x: (1e6 * x**2).sum(), lambda x: 2e6 * x, None),
        (lambda x: x.abs().sum() * 1e-3, lambda x: 1e-3 * x.sign(), None),
    ],
)
def test_errors_are_relative(
    loss: Callable[[torch.Tensor], torch.Tensor], gradient: Callable[[torch.Tensor], torch.Tensor], error: float | None
) -> None:
    x = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(3, 4)
    variable = Variable("x", x, gradient(x))
    generator = torch.Generator().manual_seed(0)
    found = compare(variable, lambda: float(loss(x)), float(loss(x)), 20, 1e-5, generator)
    assert found.compared == 13
    if error is None:
        assert found.error < 1e-6
    else:
        assert found.error == pytest.approx(error, rel=1e-3)
    assert torch.equal(x, torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(3, 4))
