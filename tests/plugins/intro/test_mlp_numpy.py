"""The hand-written backpropagation is right: against autograd, against differences, and against the PyTorch network."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from zoo_intro.mlp_numpy import MLP, SGD, as_vectors, cross_entropy, train_epoch
from zoo_intro.networks import MLP as TorchMLP  # noqa: N811
from zoo_intro.networks import centred

CONFIG = {"inputs": 64, "hidden": [64, 64], "classes": 10}


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("hidden", [[], [16], [64, 64], [32, 16, 8]])
@pytest.mark.parametrize("seed", range(3))
def test_every_gradient_agrees_with_autograd_in_float64(hidden: list[int], seed: int) -> None:
    config = {**CONFIG, "hidden": hidden}
    mine, theirs = MLP(**config, seed=seed), TorchMLP(**config).double()
    with torch.no_grad():
        for name, value, _ in mine.parameters():
            theirs.get_parameter(name).copy_(torch.from_numpy(value))
    x, labels = images(37, seed), torch.arange(37) % 10
    x.requires_grad_()

    loss, d_logits = cross_entropy(mine.forward(as_vectors(x.detach().numpy())), labels.numpy())
    d_x = mine.backward(d_logits)
    expected = F.cross_entropy(theirs(x), labels)
    expected.backward()

    assert loss == pytest.approx(expected.item(), abs=1e-12)
    gradients = {name: gradient for name, _, gradient in mine.parameters()}
    assert gradients.keys() == dict(theirs.named_parameters()).keys()
    for name, parameter in theirs.named_parameters():
        np.testing.assert_allclose(gradients[name], parameter.grad.numpy(), rtol=0, atol=1e-8, err_msg=name)
    np.testing.assert_allclose(2 * d_x.reshape(x.shape), x.grad.numpy(), rtol=0, atol=1e-8)  # pixels enter doubled


def test_gradients_agree_with_central_differences() -> None:
    model = MLP(inputs=6, hidden=[5, 4], classes=3, seed=1)
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(7, 6)), rng.integers(0, 3, 7)
    for layer in model.layers:
        layer.bias += rng.normal(size=layer.bias.shape)  # zeros would put a dead sample onto the corner of a ReLU

    def loss() -> float:
        return cross_entropy(model.forward(x), labels)[0]

    model.backward(cross_entropy(model.forward(x), labels)[1])
    step = 1e-5
    for name, value, gradient in [(name, value, gradient.copy()) for name, value, gradient in model.parameters()]:
        for index in np.ndindex(value.shape):
            kept = value[index]
            value[index] = kept + step
            above = loss()
            value[index] = kept - step
            below = loss()
            value[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=1e-8), (name, index)


def test_cross_entropy_survives_huge_logits() -> None:
    loss, gradient = cross_entropy(np.array([[1e4, 0.0], [0.0, 1e4]]), np.array([0, 0]))
    assert loss == pytest.approx(5e3)
    assert np.isfinite(gradient).all()


def test_momentum_steps_are_those_of_pytorch() -> None:
    mine, theirs = MLP(inputs=6, hidden=[5], classes=3, seed=0), TorchMLP(inputs=6, hidden=[5], classes=3).double()
    with torch.no_grad():
        for name, value, _ in mine.parameters():
            theirs.get_parameter(name).copy_(torch.from_numpy(value))
    sgd = SGD(mine, lr=0.1, momentum=0.9, weight_decay=0.01)
    reference = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    x, labels = torch.rand(9, 1, 2, 3, dtype=torch.float64), torch.arange(9) % 3

    for _ in range(5):
        mine.backward(cross_entropy(mine.forward(as_vectors(x.numpy())), labels.numpy())[1])
        sgd.step()
        reference.zero_grad()
        F.cross_entropy(theirs(x), labels).backward()
        reference.step()

    for name, value, _ in mine.parameters():
        np.testing.assert_allclose(value, theirs.get_parameter(name).detach().numpy(), atol=1e-12)


def test_numpy_and_torch_networks_load_each_others_weights_and_agree() -> None:
    mine, theirs = MLP(**CONFIG, seed=3), TorchMLP(**CONFIG)
    batch = images(11).float()
    theirs.load_state_dict(mine.state_dict(), strict=True)
    assert torch.allclose(mine(batch), theirs(batch), atol=1e-5)

    other = TorchMLP(**CONFIG)
    mine.load_state_dict(other.state_dict(), strict=True)
    assert torch.allclose(mine(batch), other(batch), atol=1e-5)


def test_strict_loading_names_what_differs() -> None:
    model = MLP(**CONFIG)
    state = model.state_dict()
    with pytest.raises(RuntimeError, match=r"layers\.0\.bias"):
        model.load_state_dict({name: value for name, value in state.items() if name != "layers.0.bias"})
    with pytest.raises(RuntimeError, match="extra"):
        model.load_state_dict({**state, "extra": torch.zeros(1)})
    with pytest.raises(RuntimeError, match=r"layers\.0\.bias has shape \[1\]"):
        model.load_state_dict({**state, "layers.0.bias": torch.zeros(1)})


def test_training_is_deterministic_and_learns() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(200, 6)), rng.integers(0, 3, 200)
    x[np.arange(200), labels] += 3

    def losses() -> list[float]:
        model, order = MLP(inputs=6, hidden=[8], classes=3, seed=5), np.random.default_rng(7)
        sgd = SGD(model, lr=0.05)
        return [train_epoch(model, sgd, x, labels, 32, order) for _ in range(10)]

    assert losses() == losses()
    assert losses()[-1] < 0.5 * losses()[0]


def test_both_networks_see_pixels_alike() -> None:
    batch = images(3)
    np.testing.assert_array_equal(as_vectors(batch.numpy()), centred(batch).numpy())
