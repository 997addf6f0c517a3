"""LeNet-5 by hand is LeNet-5: gradients, weights and scores are those of the network in PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.plugins.catalogue import load_catalogue
from zoo_cnn.lenet import LeNet5 as TorchLeNet5
from zoo_cnn.lenet_numpy import LeNet5

CLAIMS = {claim.model: claim for claim in load_catalogue().claims}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("pool", ["max", "average"])
def test_loss_and_every_gradient_are_autograds_in_float64(activation: str, pool: str) -> None:
    mine, theirs = LeNet5(activation=activation, pool=pool, seed=0), TorchLeNet5(activation=activation, pool=pool).double()
    with torch.no_grad():
        for name, value, _ in mine.parameters():
            value += 0.01 * np.random.default_rng(1).normal(size=value.shape)  # biases other than 0
            theirs.get_parameter(name).copy_(torch.from_numpy(value))
    images = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(6)

    loss = mine.backpropagate(images, labels)
    expected = F.cross_entropy(theirs(images), labels)
    expected.backward()

    assert loss == pytest.approx(expected.item(), abs=1e-10)
    gradients = {name: gradient for name, _, gradient in mine.parameters()}
    assert gradients.keys() == dict(theirs.named_parameters()).keys()
    for name, parameter in theirs.named_parameters():
        np.testing.assert_allclose(gradients[name], parameter.grad.numpy(), rtol=0, atol=1e-10, err_msg=name)


def test_each_network_loads_the_others_weights_strictly() -> None:
    mine, theirs, images = LeNet5(seed=1), TorchLeNet5(), torch.rand(5, 1, 28, 28)
    theirs.load_state_dict(mine.state_dict(), strict=True)
    assert torch.allclose(mine(images), theirs(images), atol=1e-5)
    other = TorchLeNet5()
    mine.load_state_dict(other.state_dict(), strict=True)
    assert torch.allclose(mine(images), other(images), atol=1e-5)

    state = other.state_dict()
    with pytest.raises(RuntimeError, match=r"missing \['c1\.bias'\]"):
        mine.load_state_dict({name: value for name, value in state.items() if name != "c1.bias"})
    with pytest.raises(RuntimeError, match=r"c1\.bias has shape \[1\]"):
        mine.load_state_dict({**state, "c1.bias": torch.zeros(1)})


def test_it_scores_on_digits_what_the_other_does() -> None:
    claim = CLAIMS["cnn/lenet5@digits"]
    assert zoo.evaluate("cnn/lenet5-numpy", "digits").primary.value == pytest.approx(claim.value, abs=1e-3)


@pytest.mark.parametrize("limit", [1000, pytest.param(None, marks=pytest.mark.slow)])
def test_it_scores_on_mnist_what_the_other_does(limit: int | None, real_data: Path) -> None:
    theirs, mine = (
        zoo.evaluate(model, "mnist", data_dir=real_data, limit=limit).primary for model in ("cnn/lenet5", "cnn/lenet5-numpy")
    )
    assert (mine.value, mine.n) == (theirs.value, limit or 10_000)
    if limit is None:
        assert mine.value == pytest.approx(0.9940, abs=5e-5)
