"""A precision that a technique brings: found by name, part of the key, and put into force before a prediction."""

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from zoo.errors import ModelError, OptionError
from zoo.runs.precision import asked_precision
from zoo.specs import Frozen, TechniqueSpec


class Coarse(Frozen):
    """Weights at a few levels: what a stranger might bring."""

    rounding: ClassVar[str] = "fp16"
    levels: int = 4

    def ready(self, model: nn.Module, /) -> str:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_((parameter * self.levels).round() / self.levels)
        return f"weights in steps of 1/{self.levels}"


MODEL = SimpleNamespace(name="a/net", foreign=False)
CLASSIFY: Any = SimpleNamespace(name="classify", needs_grad=False, model=MODEL)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that knows the technique of this file, as a plugin would offer it."""
    monkeypatch.setitem(sys.modules, "coarse_precision", sys.modules[__name__])
    spec = TechniqueSpec(name="mine/coarse", kind="precision", summary="Coarse", target="coarse_precision:Coarse")
    return SimpleNamespace(techniques=lambda: [spec], knows=lambda kind, name: name in spec.name, technique=lambda text: spec)


def test_it_is_named_in_full_and_alters_the_network(registry: Any) -> None:
    found = asked_precision(registry, "coarse:levels=2", CLASSIFY)
    assert (found.name, found.arithmetic, found.rounding) == ("mine/coarse:levels=2", "fp32", "fp16")
    network = nn.Linear(3, 3)
    with pytest.warns(UserWarning, match="weights in steps of 1/2"):
        found.ready(network, "net")
    assert torch.equal(network.weight * 2, (network.weight * 2).round())


def test_its_options_are_part_of_the_key(registry: Any) -> None:
    facts = [asked_precision(registry, f"coarse:levels={levels}", CLASSIFY).facts for levels in (2, 2, 3)]
    assert facts[0] == facts[1] != facts[2]


def test_what_it_cannot_do_is_refused(registry: Any) -> None:
    found = asked_precision(registry, "coarse", CLASSIFY)
    with pytest.raises(ModelError, match="net is function, no torch"):
        found.ready(lambda inputs: inputs, "net")
    with pytest.raises(OptionError, match="task attack takes gradients"):
        asked_precision(registry, "coarse", SimpleNamespace(name="attack", needs_grad=True, model=MODEL))
    with pytest.raises(OptionError, match="there is no precision 'fine'") as caught:
        asked_precision(registry, "fine", CLASSIFY)
    assert "fp32, bf16, fp16, mine/coarse" in caught.value.hint


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_autocasts_need_no_technique(name: str, registry: Any) -> None:
    found = asked_precision(registry, name, CLASSIFY)
    assert (found.name, found.facts, found.arithmetic, found.rounding, found.built) == (name, name, name, name, None)
