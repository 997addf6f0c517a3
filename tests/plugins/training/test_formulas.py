"""What techniques say of memory is what is measured."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.counting import storage_bytes
from zoo.specs import Optimizer
from zoo.training import Network
from zoo.training.costs import held
from zoo.training.saved import watching
from zoo.training.techniques import technique
from zoo_training.memory import ActivationCheckpointing, repeated_blocks
from zoo_training.optimizer_specs import ROWS, STATES


@pytest.mark.parametrize("name", [row[0] for row in ROWS])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_states_are_as_many_as_the_formula_says(name: str, momentum: float) -> None:
    if (name, momentum) == ("sgdw", 0.0):
        pytest.skip("timm refuses Nesterov's momentum of 0")
    settings = Optimizer(name=name, lr=1e-3, momentum=momentum)
    parameters = [nn.Parameter(torch.randn(10, 64)), nn.Parameter(torch.randn(10))]
    built = technique(zoo.registry(), name)
    optimizer = built.build(parameters, settings)
    for _ in range(2):
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    values = [value for state in optimizer.state.values() for value in state.values() if hasattr(value, "untyped_storage")]
    found = built.expected(Network(nn.ParameterList(parameters), settings, parameters, 1), {})["optimizer"]
    assert (found.bytes is None) == (name not in STATES)
    if found.bytes is not None:
        assert found.bytes == storage_bytes(values)
    else:
        assert "no formula" in found.formula


def saved(module: nn.Module, size: int) -> tuple[int, object]:
    inputs = torch.rand(size, 3, 32, 32)
    with watching(module, [*module.parameters(), *module.buffers(), inputs]) as saves:
        loss = F.cross_entropy(module(inputs), torch.zeros(size, dtype=torch.long))
    del loss
    return size, saves


@pytest.mark.parametrize("settings", [{}, {"every": 2}, {"blocks": "blocks.0"}])
def test_blocks_keep_their_inputs_to_the_byte(settings: dict[str, object]) -> None:
    import timm

    network = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=3, num_classes=5).train()
    assert len(repeated_blocks(network)) == 3
    made = ActivationCheckpointing.model_validate(settings)
    plain = Network(network, Optimizer(), list(network.parameters()), 6, saves=[saved(network, size) for size in (2, 3, 4)])  # type: ignore[misc]
    whole = plain.held()
    assert whole is not None
    from zoo.training import Expected

    found = made.expected(plain, {"activations": Expected(bytes=whole, formula="plain")})["activations"]
    inputs = torch.rand(6, 3, 32, 32)
    made.apply(network)
    with held(network, inputs) as tally:
        F.cross_entropy(network(inputs), torch.zeros(6, dtype=torch.long)).backward()
    assert found.bytes == tally.most
    assert found.bytes < whole


def test_products_have_no_formula() -> None:
    network = Network(nn.Linear(2, 2), Optimizer(), [], 1)
    assert ActivationCheckpointing(keep="products").expected(network, {})["activations"].bytes is None
