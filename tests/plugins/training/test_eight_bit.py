"""Adam with states in 8 bits: what is stored, how far it steps from Adam, and an interrupted training that goes on."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.counting import storage_bytes
from zoo.errors import OptionError
from zoo.specs import Optimizer
from zoo.training import Network
from zoo.training.techniques import technique

pytest.importorskip("torchao")


def stepped(name: str, network: nn.Module, steps: int = 3) -> tuple[nn.Module, Any]:
    network = copy.deepcopy(network)
    optimizer = technique(zoo.registry(), name).build(list(network.parameters()), Optimizer(lr=1e-3, weight_decay=0.01))
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(16, 128, generator=generator)).square().mean().backward()
        optimizer.step()
    return network, optimizer


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 4))


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_its_steps_are_those_of_adam_but_for_eight_bits(name: str, network: nn.Module) -> None:
    (first, _), (theirs, _) = stepped(f"{name}-8bit", network, 1), stepped(name, network, 1)
    for ours, reference in zip(first.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(ours, reference, rtol=0, atol=1e-6)  # states were exact zeros before
    (later, _), (theirs, _) = stepped(f"{name}-8bit", network, 3), stepped(name, network, 3)
    off = max(float((a - b).detach().abs().max()) for a, b in zip(later.parameters(), theirs.parameters(), strict=True))
    assert 0 < off < 3e-3  # three steps of the rate


def test_its_states_are_a_quarter_of_adams(network: nn.Module) -> None:
    def size(optimizer: Any) -> int:
        return storage_bytes(v for state in optimizer.state.values() for k, v in state.items() if k != "step")

    (_, small), (_, large) = stepped("adamw-8bit", network, 1), stepped("adamw", network, 1)
    quantised, rest = 128 * 128, 128 + 128 * 4 + 4
    assert size(large) == 2 * 4 * (quantised + rest)
    codes = 2 * (quantised + 4 * quantised // 256)  # a byte a value, a float32 scale a block
    levels = size(small) - codes - 2 * 4 * rest
    assert 0 < levels <= 2 * 4 * 256  # what a code means, kept beside each state


def test_a_network_too_small_for_it_is_refused() -> None:
    with pytest.raises(OptionError, match="would keep no state in 8 bits") as caught:
        stepped("adamw-8bit", nn.Sequential(nn.Linear(128, 4)))
    assert "training/adamw" in caught.value.hint


def test_what_stays_in_float32_is_said(network: nn.Module) -> None:
    with pytest.warns(UserWarning, match=r"states of 1 of 4 parameters are in 8 bits, 96\.2% of all values"):
        stepped("adamw-8bit", network, 1)


@pytest.mark.slow
def test_a_training_that_was_interrupted_ends_with_the_same_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def train(home: str, stop: bool = False) -> Any:
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / home))

        def progress(step: Any) -> None:
            if stop and step.epoch == 3:
                raise KeyboardInterrupt

        return zoo.train("intro/mlp-digits", epochs=3, techniques=["adamw-8bit"], progress=progress)

    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("cut", stop=True)
    resumed = train("cut")
    assert resumed.resumed_from == 2 and resumed.weights_sha256 == whole.weights_sha256
    assert resumed.cost is not None and whole.cost is not None
    assert resumed.cost.optimizer_bytes == whole.cost.optimizer_bytes
    assert any("AdamW8bit: states of" in remark for remark in whole.remarks)


@pytest.mark.parametrize("block", [256, 128])
def test_its_states_take_what_its_formula_says(block: int) -> None:
    settings = Optimizer(lr=1e-3)
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in ((64, 128), (64,), (32, 256), (5, 4096))]
    built = technique(zoo.registry(), f"adamw-8bit:block={block}")
    optimizer = built.build(parameters, settings)
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    values = [value for state in optimizer.state.values() for value in state.values()]
    found = built.expected(Network(torch.nn.ParameterList(parameters), settings, parameters, 1), {})["optimizer"]
    assert found.bytes == storage_bytes(values)
