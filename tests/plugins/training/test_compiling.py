"""A compiled network is trained as it is written, but for rounding; what its compiler does with memory is not made up."""

import copy
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_networks import ARCHITECTURES, trained

import zoo
from zoo.errors import OptionError
from zoo_training.compiling import Compile

DIGITS: dict[str, Any] = {"recipe": "intro/mlp-digits", "device": "cpu", "epochs": 2}
SEEN = "compile:backend=eager"
"""Without kernels of its own, so that all results are those of the network as written, to the last bit."""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_are_the_same_after_20_steps(name: str) -> None:
    build, inputs = ARCHITECTURES[name]
    plain = build().train()
    again = copy.deepcopy(plain)
    Compile(backend="eager").apply(again)
    expected, found = trained(plain, inputs, 20), trained(again, inputs, 20)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_training_says_what_it_knows_and_no_more() -> None:
    plain, made = zoo.train(**DIGITS), zoo.train(**DIGITS, techniques=[SEEN])
    one, other = load_file(plain.weights), load_file(made.weights)
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert made.key != plain.key
    assert plain.cost is not None and made.cost is not None
    assert made.cost.flops == plain.cost.flops
    assert plain.cost.activation_bytes and made.cost.activation_bytes is None and made.cost.activation_peak_bytes is None
    assert made.cost.expected["activations"].bytes is None and "compiler" in made.cost.expected["activations"].formula


def test_the_calls_of_a_training_are_compiled_and_those_that_score_it_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        def run(*arguments: Any) -> Any:
            seen.append(torch.is_grad_enabled())
            return graph.forward(*arguments)

        return run

    monkeypatch.setattr(Compile, "apply", lambda self, model: model.compile(backend=backend, dynamic=False))
    record = zoo.train(**DIGITS, techniques=[SEEN], fresh=True)
    assert record.cost is not None and seen == [True] * record.cost.steps


def test_without_a_compiler_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", lambda: 1 / 0)
    with pytest.raises(OptionError, match="needs a C\\+\\+ compiler on a CPU"):
        zoo.train(**DIGITS, techniques=["compile"])
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda: False)
    with pytest.raises(OptionError, match="needs Triton on a GPU"):
        Compile().check("cuda:0")


@pytest.mark.parametrize(
    ("techniques", "message"), [(["compile:backend=none"], "backend"), (["compile", "compile:dynamic=true"], "compile")]
)
def test_what_cannot_be_is_refused(techniques: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        zoo.train(**DIGITS, techniques=techniques)


@pytest.mark.slow
def test_kernels_of_its_own_agree_to_rounding() -> None:
    build, inputs = ARCHITECTURES["vit"]
    plain = without_drops(build()).train()  # which compiled code draws otherwise
    again = copy.deepcopy(plain)
    Compile().apply(again)
    expected, found = trained(plain, inputs, 20), trained(again, inputs, 20)
    for key in expected:
        assert torch.allclose(found[key], expected[key], rtol=1e-3, atol=1e-3), key


def without_drops(network: torch.nn.Module) -> torch.nn.Module:
    for module in network.modules():
        if hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    return network


@pytest.mark.slow
def test_with_bf16_on_two_processes_that_divide_the_parameters() -> None:
    settings: dict[str, Any] = {**DIGITS, "epochs": 4, "techniques": ["bf16", "zero-3"], "processes": 2}
    plain = zoo.train(**settings)
    made = zoo.train(**{**settings, "techniques": [*settings["techniques"], "compile"]})
    assert made.doubt == "" and made.score == pytest.approx(plain.score, rel=0.02)
    assert made.cost is not None and plain.cost is not None
    assert made.cost.parameter_bytes == plain.cost.parameter_bytes
