"""Networks in int8 for evaluation: which layers, how many bytes, how far from float32, and who is refused."""

import copy

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError
from zoo_training.int8 import Int8Dynamic, Int8WeightOnly, stored_bytes

pytest.importorskip("torchao")


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(*layers).eval()


@pytest.mark.parametrize("technique", [Int8WeightOnly(), Int8Dynamic()])
def test_dense_weights_take_a_byte_each_and_the_rest_is_left(technique: Int8WeightOnly) -> None:
    plain = network()
    altered = copy.deepcopy(plain)
    said = technique.ready(altered)
    assert "weights of 2 nn.Linear (3, 5) in int8; in float as before: 0;" in said
    assert f"{stored_bytes(altered):,} bytes instead of {stored_bytes(plain):,}" in said
    weights, scales = 144 * 64 + 64 * 10, (64 + 10) * (4 + 1)  # a float32 scale and an int8 zero point an output
    rest = 4 * (4 * 9 + 4 + 64 + 10)
    assert stored_bytes(altered) == weights + scales + rest
    images = torch.rand(32, 1, 8, 8)
    with torch.inference_mode():
        expected, found = plain(images), altered(images)
    assert torch.equal(altered[0].weight, plain[0].weight)
    assert 0 < (found - expected).abs().max() < 0.02 * expected.abs().max()


def test_each_output_has_its_own_scale() -> None:
    layer = nn.Sequential(nn.Linear(64, 4, bias=False))
    with torch.no_grad():
        layer[0].weight.mul_(torch.tensor([[1.0], [10.0], [100.0], [1000.0]]))
    before = layer[0].weight.detach().clone()
    Int8WeightOnly().ready(layer)
    off = (layer[0].weight.dequantize() - before).abs()
    assert bool((off <= before.abs().amax(1, keepdim=True) / 127 / 2 * 1.01).all())  # half a step of the row's own scale


def test_a_network_without_dense_layers_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"no nn.Linear.*its parameters are of: BatchNorm2d, Conv2d"):
        Int8Dynamic().ready(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))


@pytest.mark.parametrize("name", ["int8-weight-only", "int8-dynamic"])
def test_a_run_is_scored_in_it_beside_float32(name: str) -> None:
    full, altered = zoo.evaluate("cnn/lenet5@digits", "digits"), zoo.evaluate("cnn/lenet5@digits", "digits", precision=name)
    assert altered.key != full.key and altered.execution.precision == f"training/{name}"
    assert full.checks and not altered.checks  # a claim is of the network as it is
    assert abs((altered.primary.value or 0) - (full.primary.value or 0)) <= 0.01
    assert any("3 nn.Linear (c5, f6, output)" in remark for remark in altered.remarks)
    again = zoo.evaluate("cnn/lenet5@digits", "digits", precision=f"training/{name}")
    assert again.shards.computed == 0 and again.remarks == altered.remarks and not again.doubt


def test_a_users_own_module_is_left_as_it_was() -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    before = copy.deepcopy(own.state_dict())
    record = zoo.evaluate(own, "digits", classes="dataset", precision="int8-weight-only")
    assert record.remarks and all(torch.equal(value, before[key]) for key, value in own.state_dict().items())


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        ("int9", "there is no precision 'int9'"),
        ("training/bf16", "training/bf16 is no precision that a run can have"),
        ("training/lamb", "training/lamb is no precision"),
        ("int8-dynamic:bits=4", "bits"),
    ],
)
def test_what_is_no_precision_is_refused_before_the_run(precision: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        zoo.evaluate("cnn/lenet5@digits", "digits", precision=precision)


def test_what_is_no_network_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"intro/mlp-numpy.* has no training/int8-dynamic"):
        zoo.evaluate("intro/mlp-numpy@digits", "digits", precision="int8-dynamic")


@pytest.mark.usefixtures("real_data")
def test_an_attack_is_refused() -> None:
    with pytest.raises(OptionError, match="task attack takes gradients"):
        zoo.evaluate("robust/fgsm", "mnist-linf", precision="int8-dynamic", limit=2)


def test_nothing_trains_in_it() -> None:
    with pytest.raises(OptionError, match="weights in int8 have no gradients"):
        zoo.train("intro/mlp-digits", techniques=["int8-dynamic"])


def test_without_its_library_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    real = metadata.version

    def without(name: str) -> str:
        if name == "torchao":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", without)
    for ask in (
        lambda: zoo.evaluate("cnn/lenet5@digits", "digits", precision="int8-dynamic"),
        lambda: zoo.train("intro/mlp-digits", techniques=["adamw-8bit"]),
    ):
        with pytest.raises(OptionError, match="needs torchao") as caught:
            ask()
        assert caught.value.hint.startswith("pip install 'torchao")
