"""Techniques that save memory change no mathematics: the same gradients, buffers and weights."""

import copy
from collections.abc import Callable

import pytest
import timm
import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import OptionError
from zoo.training.costs import held
from zoo_training.memory import ActivationCheckpointing, GradientAccumulation, repeated_blocks


class Texts(nn.Module):
    """A Transformer over numbers, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3)
        self.output = nn.Linear(16, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.output(self.encoder(self.embedding(tokens)).mean(1))
        return logits


def vit() -> nn.Module:
    return timm.create_model("vit_tiny_patch16_224", img_size=32, depth=4, num_classes=5, drop_path_rate=0.2)


def resnet() -> nn.Module:
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes=5, channels=(8, 16, 32, 64))


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "vit": (vit, lambda: torch.rand(4, 3, 32, 32)),
    "resnet": (resnet, lambda: torch.rand(4, 3, 32, 32)),
    "transformer": (Texts, lambda: torch.randint(50, (4, 12))),
}


def trained(network: nn.Module, inputs: Callable[[], Tensor], steps: int) -> dict[str, Tensor]:
    """The state after some steps of AdamW with one sequence of draws."""
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(inputs()), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()
    return network.state_dict()


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
