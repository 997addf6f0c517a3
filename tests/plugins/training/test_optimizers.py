"""Optimizers step as their library's, from the options as from its own arguments."""

from typing import Any

import pytest
import timm.optim
import torch
from torch import nn

import zoo
from zoo.errors import OptionError
from zoo.specs import Optimizer
from zoo.training.techniques import technique

SETTINGS = Optimizer(lr=0.01, weight_decay=0.05, momentum=0.8)

PLAIN = [spec for spec in zoo.registry().techniques() if spec.kind == "optimizer" and not spec.requires]
"""Those that need no further library, whose tests are their own."""


def stepped(build: Any) -> list[torch.Tensor]:
    """Parameters after three steps on one problem."""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2))
    optimizer = build(list(network.parameters()))
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(16, 6)).square().mean().backward()
        optimizer.step()
    return [parameter.detach() for parameter in network.parameters()]


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.8, weight_decay=0.05, nesterov=True)),
        ("sgd:nesterov=false", lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.8, weight_decay=0.05)),
        ("adam", lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.05)),
        ("adamw:beta1=0.8,beta2=0.95", lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.95), weight_decay=0.05)),
        ("rmsprop:alpha=0.95", lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, momentum=0.8, weight_decay=0.05)),
        ("lamb", lambda p: timm.optim.Lamb(p, lr=0.01, weight_decay=0.05)),
        ("lamb:trust_clip=true", lambda p: timm.optim.Lamb(p, lr=0.01, weight_decay=0.05, trust_clip=True)),
        ("lars:trust_coeff=0.01", lambda p: timm.optim.Lars(p, lr=0.01, momentum=0.8, weight_decay=0.05, trust_coeff=0.01)),
        ("lion:beta2=0.9", lambda p: timm.optim.Lion(p, lr=0.01, betas=(0.9, 0.9), weight_decay=0.05)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_three_steps_are_the_librarys(text: str, theirs: Any) -> None:
    mine = technique(zoo.registry(), text)
    for ours, reference in zip(stepped(lambda p: mine.build(p, SETTINGS)), stepped(theirs), strict=True):
        assert torch.allclose(ours, reference, rtol=0, atol=1e-7)


@pytest.mark.parametrize("spec", PLAIN, ids=lambda s: s.name)
def test_every_entry_builds_and_steps(spec: Any) -> None:
    built = technique(zoo.registry(), spec.name)
    before = stepped(lambda p: torch.optim.SGD(p, lr=0.0))
    assert any(not torch.equal(a, b) for a, b in zip(stepped(lambda p: built.build(p, SETTINGS)), before, strict=True))


def test_what_an_older_library_lacks_is_said() -> None:
    from zoo_training.optimizers import TimmOptimizer

    with pytest.raises(OptionError, match="no optimizer 'adamz'"):
        TimmOptimizer(algorithm="adamz").build([], SETTINGS)
