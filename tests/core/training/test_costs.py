"""What a training costs, counted: held to a network of which all is known by hand."""

from pathlib import Path

import pytest
import torch
from tiny_training import make_job
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.counting import Living
from zoo.specs import Optimizer
from zoo.training import loop
from zoo.training.cost import Expected, TrainingCost
from zoo.training.expected import expected
from zoo.training.saved import watching
from zoo.training.techniques import Technique, Techniques

BLOCK = "activation-checkpointing:blocks=body"
PARAMETERS = 650
"""Of `Plain`: 64 inputs, 10 outputs."""


def cost_of(folder: Path, **recipe: object) -> TrainingCost:
    cost = loop.train(make_job(folder, **{"model": "Plain", "epochs": 1, **recipe})).cost
    assert cost is not None
    return cost


def test_what_is_alive_is_counted_from_when_it_is_made_until_it_is_let_go() -> None:
    weight = torch.ones(100, requires_grad=True)
    inputs = torch.ones(100)
    with Living([weight, inputs]) as living:
        result = (weight * inputs).exp()  # 400 bytes twice; then the product goes, and exp keeps its result
        total = result.sum()  # 4 bytes
        del result
        total.backward()  # the gradient of the sum, 4 bytes; then a product of 400 at a time
    assert weight.grad is not None
    assert living.most() == 400 + 4 + 4 + 400
    assert living.most([weight.grad]) == 400 + 4 + 4 + 400  # when the gradient of exp's input is there, before the weight's


def test_a_view_and_what_was_there_before_count_for_nothing() -> None:
    before = torch.ones(1000)
    with Living([before]) as living:
        before.view(10, 100).t()
        before.add_(1)
    assert living.most() == 0


def test_a_block_of_checkpointing_is_alive_again_at_the_peak(tmp_path: Path) -> None:
    plain = cost_of(tmp_path / "a", model="TinyNet")
    again = cost_of(tmp_path / "b", model="TinyNet", techniques=(BLOCK,))
    assert plain.activation_bytes is not None and again.activation_bytes is not None
    assert plain.activation_peak_bytes is not None and again.activation_peak_bytes is not None
    assert again.activation_bytes < 0.3 * plain.activation_bytes
    assert plain.activation_bytes < again.activation_peak_bytes <= plain.activation_peak_bytes
    assert again.flops is not None and plain.flops is not None and again.flops > plain.flops  # the block is computed twice


@pytest.mark.parametrize(
    ("optimizer", "states", "more"),
    [
        (Optimizer(name="adamw", lr=0.01), 2, 2 * 4),  # 16 bytes a parameter in all, and a step for each of two tensors
        (Optimizer(name="adam", lr=0.01), 2, 2 * 4),
        (Optimizer(name="sgd", lr=0.01, momentum=0.9), 1, 0),  # 12
        (Optimizer(name="sgd", lr=0.01, momentum=0.0), 0, 0),  # 8
    ],
)
def test_formulas_are_what_is_measured(tmp_path: Path, optimizer: Optimizer, states: int, more: int) -> None:
    cost = cost_of(tmp_path, optimizer=optimizer)
    assert cost.parameter_bytes == cost.gradient_bytes == 4 * PARAMETERS
    assert cost.optimizer_bytes == states * 4 * PARAMETERS + more
    measured = (cost.parameter_bytes, cost.gradient_bytes, cost.optimizer_bytes, cost.activation_bytes)
    assert tuple(cost.expected[kind].bytes for kind in ("parameters", "gradients", "optimizer", "activations")) == measured
    assert f"{PARAMETERS} parameters" in cost.expected["gradients"].formula


@pytest.mark.parametrize(
    "techniques",
    [
        (),
        ("bf16",),
        ("activation-checkpointing:blocks=body",),
        ("activation-checkpointing:blocks=body", "gradient-accumulation:4"),
    ],
)
def test_activations_are_foreseen_from_small_batches(tmp_path: Path, techniques: tuple[str, ...]) -> None:
    cost = cost_of(tmp_path, model="TinyNet", techniques=techniques)
    foreseen = cost.expected["activations"].bytes
    assert foreseen is not None and cost.activation_bytes is not None
    exact = len(techniques) < 2  # of several techniques shares are multiplied, whose constant parts are not theirs
    assert foreseen == pytest.approx(cost.activation_bytes, rel=0 if exact else 0.1)


def test_autocast_leaves_parameters_as_they_are(tmp_path: Path) -> None:
    plain, cast = cost_of(tmp_path / "a"), cost_of(tmp_path / "b", techniques=("bf16",))
    assert cast.parameter_bytes == plain.parameter_bytes and cast.optimizer_bytes == plain.optimizer_bytes
    assert "float32 under autocast" in cast.expected["parameters"].formula


class Pairs(nn.Module):
    """Holds something for every pair of samples."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(10))

    def forward(self, images: Tensor) -> Tensor:
        found = images.flatten(1)[:, :10] * self.weight
        return found + (found @ found.t()).exp().mean()


def test_what_does_not_grow_by_the_sample_has_no_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_training.Plain", Pairs)
    cost = cost_of(tmp_path)
    assert cost.activation_bytes is not None
    assert cost.expected["activations"].bytes is None and "no formula" in cost.expected["activations"].formula


class Silent:
    """A technique that says nothing."""


class Halving:
    """A stranger's, with a formula."""

    def expected(self, network: object, before: dict[str, Expected]) -> dict[str, Expected]:
        return {"gradients": Expected(bytes=(before["gradients"].bytes or 0) // 2, formula="half")}


def test_a_technique_without_a_formula_leaves_nothing_to_expect(tmp_path: Path) -> None:
    from zoo.specs import TechniqueSpec

    made = loop.Loop(make_job(tmp_path, model="Plain"))
    inputs, targets = torch.rand(8, 1, 8, 8), torch.zeros(8, dtype=torch.long)
    network = made.costs.network(inputs, targets, torch.Generator())
    spec = TechniqueSpec(name="own/one", kind="memory", summary="A test", target="tests:one")
    alone = expected(Techniques((Technique(spec, Silent()),)), network)
    assert all(found.bytes is None and found.formula == "own/one gives no formula" for found in alone.values())
    half = expected(Techniques((Technique(spec, Halving()),)), network)
    assert half["gradients"].bytes == 2 * PARAMETERS and half["parameters"].bytes == 4 * PARAMETERS


def test_what_a_module_saves_is_told_from_what_it_is_given() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 2))
    inputs = torch.rand(5, 4)
    with watching(network, [*network.parameters(), inputs]) as saves:
        loss = F.mse_loss(network(inputs), torch.zeros(5, 2))
    hidden = 5 * 8 * 4
    outside = (
        saves.held(["1"]) - hidden
    )  # without what the block keeps but its input: tanh's result, which the last layer has too
    assert saves.held() == saves.held(["1"]) == outside + hidden
    assert saves.inputs["1"] and sum(saves.inputs["1"].values()) == hidden
    assert saves.held(["1", "2"]) == saves.held()  # the loss's own part is nobody's
    del loss


@pytest.mark.parametrize("attention", ["math", "fused"])
def test_all_of_attention_is_counted(attention: str) -> None:
    """Queries, keys and values [1, 2, 8, 4]: two products forward, and twice as many backward."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    query = torch.rand(1, 2, 8, 4, requires_grad=True)
    backends = [SDPBackend.MATH] if attention == "math" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
    with sdpa_kernel(backends, set_priority=True), FlopCounterMode(display=False) as counter:
        F.scaled_dot_product_attention(query, query, query).sum().backward()
    product = 2 * 2 * 8 * 8 * 4
    whole = counter.get_total_flops() == 3 * 2 * product
    assert whole == (attention == "math"), counter.get_total_flops()
