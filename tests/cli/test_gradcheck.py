"""`zoo train RECIPE --gradcheck`: what is printed, exit codes, and options that do not go with it."""

import pytest


def test_right_gradients_exit_0_with_a_row_a_parameter(zoo, zoo_home):
    done = zoo("train", "intro/logistic-digits", "--gradcheck")
    assert (done.code, done.err) == (0, "")
    assert "gradients of intro/logistic by autograd" in done.out
    assert "linear.weight" in done.out and "10x64" in done.out and "linear.bias" in done.out
    assert "worst: linear." in done.out and "PASSED all within 1e-05" in done.out
    assert not (zoo_home / "trained").exists()


def test_a_wrong_gradient_exits_1_and_is_named(zoo, monkeypatch):
    from zoo_intro.mlp_numpy import Linear

    monkeypatch.setattr(Linear, "backward", lambda self, d_z: _without_bias(self, d_z))
    done = zoo("train", "intro/mlp-numpy-digits", "--gradcheck")
    assert done.code == 1
    assert "FAILED off by more than 1e-05: layers.0.bias, layers.1.bias, layers.2.bias\n" in done.out


def _without_bias(layer, d_z):
    layer.d_weight, layer.d_bias = d_z.T @ layer._x, 0 * layer.bias
    return d_z @ layer.weight


def test_json_holds_the_check(zoo):
    done = zoo("train", "intro/logistic-digits", "--gradcheck", "--seed", "3", "--json")
    assert done.code == 0
    assert done.json["passed"] is True
    assert [each["name"] for each in done.json["parameters"]] == ["linear.weight", "linear.bias"]


@pytest.mark.parametrize("option", [["--output", "x.safetensors"], ["--epochs", "3"], ["--fresh"], ["--device", "cpu"]])
def test_what_is_of_training_alone_is_refused(zoo, option):
    done = zoo("train", "intro/logistic-digits", "--gradcheck", *option)
    assert done.code == 2
    assert f"leave out {option[0]}" in done.err
