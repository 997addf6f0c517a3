"""Techniques that save memory change no mathematics: the same gradients, buffers and weights."""

import copy

import pytest
import torch
from small_networks import ARCHITECTURES, trained
from torch import nn

from zoo.errors import OptionError
from zoo.training.costs import held
from zoo_training.memory import ActivationCheckpointing, GradientAccumulation, repeated_blocks


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("settings", [{}, {"every": 2}, {"keep": "products"}], ids=str)
def test_weights_are_the_same_after_20_steps(name: str, settings: dict[str, object]) -> None:
    build, inputs = ARCHITECTURES[name]
    plain = build().train()
    again = copy.deepcopy(plain)
    ActivationCheckpointing.model_validate(settings).apply(again)
    expected, found = trained(plain, inputs, 20), trained(again, inputs, 20)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize(("name", "share"), [("vit", 0.4), ("resnet", 0.9), ("transformer", 0.4)])
def test_less_is_held_for_the_backward_pass(name: str, share: float) -> None:
    build, inputs = ARCHITECTURES[name]
    plain = build().train()
    again = copy.deepcopy(plain)
    ActivationCheckpointing().apply(again)
    sizes = []
    for network in (plain, again):
        batch = inputs()
        with held(network, batch) as tally:
            network(batch).sum().backward()
        sizes.append(tally.most)
    assert sizes[1] < share * sizes[0]


def test_keeping_products_lies_between() -> None:
    build, inputs = ARCHITECTURES["vit"]
    network = build().train()
    ActivationCheckpointing(keep="products").apply(network)
    calls = []
    hook = torch.nn.modules.module.register_module_forward_hook(lambda *_: calls.append(1))
    try:
        network(inputs()).sum().backward()
    finally:
        hook.remove()
    assert len(calls) > 2 * len(repeated_blocks(network))  # blocks run twice; their products do not


def test_blocks_that_cannot_be_found_are_asked_for() -> None:
    plain = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(OptionError, match="no blocks that are repeated") as caught:
        ActivationCheckpointing().apply(plain)
    assert "`blocks`" in caught.value.hint
    ActivationCheckpointing(blocks="0").apply(plain)
    with pytest.raises(OptionError, match=r"no blocks layers\.\*"):
        ActivationCheckpointing(blocks="layers.*").apply(plain)


def test_a_batch_smaller_than_its_parts_is_refused() -> None:
    with pytest.raises(OptionError, match="a batch of 2 cannot go in 4 parts"):
        GradientAccumulation(steps=4).parts(2)
