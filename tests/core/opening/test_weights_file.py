"""Weights as people save them: one small network in many wrappings, each of which loads or says what is the matter."""

import io
import json
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.errors import WeightsError
from zoo.opening.composing import named_model
from zoo.opening.weights import read_state, save_state
from zoo.opening.weights_choice import Choice
from zoo.opening.weights_file import read_checkpoint
from zoo.specs import ModelSpec


class Net(nn.Module):
    """A network with batch normalisation and a head of `classes` outputs."""

    def __init__(self, classes: int = 4, width: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(5, width), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(x))
        return logits


SPEC = ModelSpec(name="x/net", summary="A net.", tasks={"classify": f"{__name__}:Net"}, modality="vector")


def net(seed: int = 0, **config: int) -> Net:
    torch.manual_seed(seed)
    network = Net(**config)
    for _ in range(3):
        network(torch.randn(8, 5))
    return network.eval()


def opened(path: Path, key: str | None = None, allow_pickle: bool = False) -> Any:
    return named_model(SPEC, "classify", Choice(file=path, key=key, allow_pickle=allow_pickle))


def same(path: Path, expected: nn.Module, key: str | None = None, allow_pickle: bool = False) -> bool:
    x = torch.linspace(-1, 1, 30).view(6, 5)
    return torch.equal(opened(path, key, allow_pickle).load()(x), expected(x))


def under(prefix: str, network: nn.Module) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in network.state_dict().items()}


def trained(network: nn.Module) -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.randn(4, 5)).sum().backward()
    optimizer.step()
    return optimizer


def averaged(network: nn.Module) -> dict[str, torch.Tensor]:
    return torch.optim.swa_utils.AveragedModel(network).state_dict()  # `n_averaged` beside `module.…`


WRAPPINGS: dict[str, Callable[[nn.Module], Any]] = {
    "the state alone": lambda net: net.state_dict(),
    "a plain dict": lambda net: dict(net.state_dict()),
    "DataParallel": lambda net: nn.DataParallel(net).state_dict(),
    "torch.compile": lambda net: under("_orig_mod.", net),
    "torch.compile in DataParallel": lambda net: under("module._orig_mod.", net),
    "DataParallel in torch.compile": lambda net: under("_orig_mod.module.", net),
    "torch.compile of a part": lambda net: {
        name.replace("features.", "features._orig_mod."): tensor for name, tensor in net.state_dict().items()
    },
    "FSDP": lambda net: under("_fsdp_wrapped_module.", net),
    "state_dict and epoch": lambda net: {"epoch": 3, "best_prec1": np.float64(91.7), "state_dict": net.state_dict()},
    "model and optimizer": lambda net: {"optimizer": trained(net).state_dict(), "model": net.state_dict()},
    "model_state_dict": lambda net: {
        "epoch": 1, "model_state_dict": net.state_dict(), "optimizer_state_dict": trained(net).state_dict(), "loss": 0.5,
    },
    "Lightning's model": lambda net: {
        "state_dict": under("model.", net), "pytorch-lightning_version": "2.5", "loops": {}, "hyper_parameters": {"lr": 0.1},
    },
    "Lightning's net in DataParallel": lambda net: {"state_dict": under("net.module.", net)},
    "two mappings deep": lambda net: {"state": {"model": net.state_dict()}, "rng_state": torch.get_rng_state()},
    "a list with the optimizer": lambda net: [net.state_dict(), trained(net).state_dict()],
    "params_ema alone": lambda net: {"params_ema": net.state_dict()},
    "torch's average": averaged,
    "counters among the weights": lambda net: {**net.state_dict(), "epoch": 3, "best": 0.9, "step": torch.tensor(7)},
    "timm's train.py": lambda net: {
        "epoch": 1, "arch": "net", "state_dict": net.state_dict(), "args": Namespace(lr=0.1), "amp_scaler": {"scale": 1.0},
    },
}  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_every_wrapping_loads_whatever_the_file_is_called(tmp_path: Path, wrapping: str) -> None:
    network = net()
    path = tmp_path / ("net.pth", "net.ckpt", "net", "net.bin", "net.safetensors")[len(wrapping) % 5]
    torch.save(WRAPPINGS[wrapping](network), path)
    assert same(path, network.eval())


def test_safetensors_are_known_by_content(tmp_path: Path) -> None:
    for name in ("net.bin", "net.pt", "net"):
        save_state(tmp_path / name, under("model.", net()), {"classes": json.dumps(["a", "b", "c", "d"])})
        assert same(tmp_path / name, net())
        assert opened(tmp_path / name).info.classes == ("a", "b", "c", "d")
    torch.save(net().state_dict(), tmp_path / "net.safetensors")
    assert same(tmp_path / "net.safetensors", net())


def test_a_header_of_any_length_is_no_pickle(tmp_path: Path) -> None:
    for length in range(600, 700, 8):  # among them 640, 0x280, which begins as a pickle of protocol 2 does
        save_state(tmp_path / "net.st", net().state_dict(), {"x": "y" * length})
        assert same(tmp_path / "net.st", net())


def test_whole_modules_load_where_pickles_are_allowed(tmp_path: Path) -> None:
    for number, saved in enumerate((net(), {"model": net(), "epoch": 2}, nn.DataParallel(net()))):
        torch.save(saved, tmp_path / f"{number}.pt")
        with pytest.raises(WeightsError, match="contains a pickle"):
            opened(tmp_path / f"{number}.pt")
        assert same(tmp_path / f"{number}.pt", net(), allow_pickle=True)


PAIRS = {
    ("model", "model_ema"): lambda a, b: {"model": a.state_dict(), "model_ema": b.state_dict()},
    ("state_dict", "state_dict_ema"): lambda a, b: {"state_dict": under("module.", a), "state_dict_ema": b.state_dict()},
    ("params", "params_ema"): lambda a, b: {"params": a.state_dict(), "params_ema": b.state_dict()},
    ("model", "ema.shadow"): lambda a, b: {"model": a.state_dict(), "ema": {"decay": 0.9, "shadow": b.state_dict()}},
    ("generator", "discriminator"): lambda a, b: {"generator": a.state_dict(), "discriminator": b.state_dict()},
    ("student", "teacher"): lambda a, b: {**under("student.", a), **under("teacher.", b)},
    ("online_model", "ema_model"): lambda a, b: {**under("online_model.", a), **under("ema_model.", b), "step": torch.tensor(1)},
    ("state_dict.model", "ema_model"): lambda a, b: {"state_dict": {**under("model.", a), **under("ema_model.", b)}},
    ("", "ema"): lambda a, b: {**a.state_dict(), "ema": b.state_dict()},
}


@pytest.mark.parametrize("keys", PAIRS, ids="-".join)
@pytest.mark.parametrize("classes", [4, 7])
def test_of_two_sets_that_fit_none_is_taken_unasked(tmp_path: Path, keys: tuple[str, str], classes: int) -> None:
    first, second = net(1, classes=classes), net(2)
    torch.save(PAIRS[keys](first, second), tmp_path / "two.pt")
    with pytest.raises(WeightsError, match="holds several sets of weights") as caught:
        opened(tmp_path / "two.pt")
    assert all(key in caught.value.hint for key in keys) and "weights_key" in caught.value.hint
    assert same(tmp_path / "two.pt", first, keys[0]) and same(tmp_path / "two.pt", second, keys[1])


def test_of_two_sets_the_one_that_fits_is_taken_and_said(tmp_path: Path) -> None:
    torch.save({"generator": nn.Sequential(nn.Linear(2, 2)).state_dict(), "discriminator": net().state_dict()}, tmp_path / "g.pt")
    assert same(tmp_path / "g.pt", net())
    assert opened(tmp_path / "g.pt").notes[0] == "of the weights file 'discriminator' was taken, not 'generator'"
    torch.save({"model": net(width=2).state_dict(), "ema": net().state_dict()}, tmp_path / "h.pt")
    assert same(tmp_path / "h.pt", net())


def test_the_chosen_set_is_part_of_the_identity_and_an_unknown_one_lists_those_there_are(tmp_path: Path) -> None:
    torch.save({"model": net(1).state_dict(), "model_ema": net(2).state_dict()}, tmp_path / "two.pt")
    first, second = opened(tmp_path / "two.pt", "model"), opened(tmp_path / "two.pt", "model_ema")
    assert first.identity != second.identity and first.weights_sha256 == second.weights_sha256
    with pytest.raises(WeightsError, match="has no 'average'") as caught:
        opened(tmp_path / "two.pt", "average")
    assert "'model', 'model_ema'" in caught.value.hint


def test_tensors_beside_a_wrapper_keep_it_from_being_taken_off_unasked(tmp_path: Path) -> None:
    torch.save({"state_dict": {**under("model.", net()), "criterion.weight": torch.ones(4)}}, tmp_path / "l.ckpt")
    with pytest.raises(WeightsError, match=r"there under 'model\.', but beside them criterion\.weight"):
        opened(tmp_path / "l.ckpt").load()
    assert same(tmp_path / "l.ckpt", net(), "model")
    assert "criterion.weight" in opened(tmp_path / "l.ckpt", "model").notes[0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_precision_is_the_same_kind_of_number_and_said(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in net().state_dict().items()}
    save_state(tmp_path / "net.safetensors", state)
    model = opened(tmp_path / "net.safetensors")
    assert torch.equal(model.load().head.weight, state["head.weight"].float())
    assert model.notes == (f"the weights are stored as {str(dtype)[6:]} and were loaded as float32",)


OTHER_KINDS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "int8": lambda tensor: (tensor * 100).to(torch.int8),
    "uint8": lambda tensor: (tensor.abs() * 100).to(torch.uint8),
    "int64": lambda tensor: tensor.long(),
    "bool": lambda tensor: tensor > 0,
    "complex64": lambda tensor: tensor.to(torch.complex64),
    "qint8": lambda tensor: torch.quantize_per_tensor(tensor, 0.01, 0, torch.qint8),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_another_kind_of_number_is_refused_even_in_one_tensor(tmp_path: Path, kind: str) -> None:
    state = net().state_dict()
    torch.save({**state, "head.weight": OTHER_KINDS[kind](state["head.weight"])}, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=rf"head\.weight is {kind} instead of float32"):
        opened(tmp_path / "net.pt").load()


def test_a_counter_that_became_a_fraction_is_refused(tmp_path: Path) -> None:
    torch.save({**net().state_dict(), "features.1.num_batches_tracked": torch.tensor(2.5)}, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match="num_batches_tracked is float32 instead of int64"):
        opened(tmp_path / "net.pt").load()


def test_counters_that_were_halved_with_the_weights_are_counters(tmp_path: Path) -> None:
    state = {**net().state_dict(), "features.1.num_batches_tracked": torch.tensor(7)}
    torch.save({name: tensor.half() for name, tensor in state.items()}, tmp_path / "net.pt")
    loaded = opened(tmp_path / "net.pt").load().state_dict()
    assert loaded["features.1.num_batches_tracked"].dtype == torch.int64
    assert torch.equal(loaded["head.weight"], state["head.weight"].half().float())


def test_integers_do_not_pass_into_a_network_that_translates_names(tmp_path: Path) -> None:
    class Translating(nn.Linear):
        def load_state_dict(self, state: Any, strict: bool = True, assign: bool = False) -> Any:
            return super().load_state_dict({name.removeprefix("their_"): tensor for name, tensor in state.items()}, strict)

    from zoo.opening.weights import load_state

    load_state(Translating(2, 2), {"their_weight": torch.ones(2, 2), "their_bias": torch.ones(2)}, "toy")
    with pytest.raises(WeightsError, match="their_weight is int8 instead of floating-point"):
        load_state(Translating(2, 2), {"their_weight": torch.ones(2, 2).to(torch.int8), "their_bias": torch.ones(2)}, "toy")


def test_weights_of_another_network_name_what_is_missing_and_what_was_found(tmp_path: Path) -> None:
    torch.save({"state_dict": nn.Sequential(nn.Linear(5, 3)).state_dict()}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"not those of x/net: 9 missing \(features\.0\.weight, .*2 unexpected") as caught:
        opened(tmp_path / "other.pt").load()
    assert "the file holds 2 tensors, from 0.weight [3, 5] to 0.bias [3]" in caught.value.hint
    torch.save(under("model.", net(width=2)), tmp_path / "narrow.pt")
    with pytest.raises(WeightsError, match=r"of another shape \(features\.0\.weight \[2, 5\] instead of \[3, 5\]"):
        opened(tmp_path / "narrow.pt").load()


def archive() -> bytes:
    content = io.BytesIO()
    np.savez(content, a=np.ones(2))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "but empty"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'{"a": [1, 2, 3]}', "JSON"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip"),
        (b"GGUF" + bytes(20), "GGUF"),
        (archive(), "NumPy archive"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    for name in ("net.pt", "net.safetensors", "net"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=says):
            read_state(tmp_path / name)


def test_a_file_without_weights_says_what_it_holds(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "optimizer": trained(net()).state_dict()}, tmp_path / "o.pt")
    with pytest.raises(WeightsError, match="holds no tensors by name, but a dict of epoch, optimizer"):
        opened(tmp_path / "o.pt")
    torch.save([torch.ones(2)], tmp_path / "l.pt")
    with pytest.raises(WeightsError, match="but a list"):
        opened(tmp_path / "l.pt")


def test_versions_of_modules_are_kept_under_every_wrapper(tmp_path: Path) -> None:
    class Versioned(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state: Any, prefix: str, versions: Any, *rest: Any) -> None:
            if versions.get("version") != 2:
                raise ValueError(f"version {versions.get('version')} is unknown")
            super()._load_from_state_dict(state, prefix, versions, *rest)

    from zoo.opening.weights import load_state

    inner, outer = nn.Sequential(Versioned(2, 2)), nn.Sequential(OrderedDict(model=nn.Sequential(Versioned(2, 2))))
    for number, saved in enumerate((inner.state_dict(), outer.state_dict(), nn.DataParallel(outer).state_dict())):
        torch.save({"state_dict": saved}, tmp_path / "v.pt")
        load_state(nn.Sequential(Versioned(2, 2)), read_state(tmp_path / "v.pt")[0], f"wrapping {number}")
    save_state(tmp_path / "v.safetensors", inner.state_dict())  # which has no place for them
    load_state(nn.Sequential(Versioned(2, 2)), read_state(tmp_path / "v.safetensors")[0], "toy")


def test_a_file_of_before_the_counters_of_batch_normalisation_loads(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in net().state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    assert same(tmp_path / "old.pth", net())


@pytest.mark.parametrize(
    "told",
    [
        {"classes": ["a", "b", "c"]},
        {"class_to_idx": {"a": 0, "b": 1, "c": 2}},
        {"idx_to_class": {0: "a", 1: "b", 2: "c"}},
        {"hyper_parameters": {"id2label": {"0": "a", "1": "b", "2": "c"}}},
        {"args": Namespace(class_names=["a", "b", "c"])},
    ],
)
def test_outputs_and_their_names_are_those_of_the_file(tmp_path: Path, told: dict[str, Any]) -> None:
    torch.save({"state_dict": net(classes=3).state_dict(), **told}, tmp_path / "three.pt")
    assert read_checkpoint(tmp_path / "three.pt").classes == ("a", "b", "c")
    model = opened(tmp_path / "three.pt")
    assert (model.info.classes, dict(model.config)) == (("a", "b", "c"), {"classes": 3})
    assert same(tmp_path / "three.pt", net(classes=3))


def test_names_of_another_number_are_not_taken_for_the_outputs(tmp_path: Path) -> None:
    torch.save({"state_dict": net(classes=3).state_dict(), "classes": ["a", "b"]}, tmp_path / "three.pt")
    assert opened(tmp_path / "three.pt").info.classes is None


def test_a_run_under_weights_of_another_depth_says_so(tmp_path: Path) -> None:
    deep = zoo.registry().model("cnn/resnet20")
    from zoo.opening.models import build_model

    torch.manual_seed(0)
    state = build_model(deep, "classify", {"depth": 8, "classes": 10}).state_dict()
    metadata = {"config": json.dumps({"depth": 8}), "classes": json.dumps(list("0123456789"))}
    sha256 = save_state(tmp_path / "deep.safetensors", state, metadata)
    record = zoo.evaluate("cnn/resnet20", "digits", weights=tmp_path / "deep.safetensors", limit=8)
    assert record.model.label == f"cnn/resnet20 (depth=8; {sha256[:8]})"
    assert record.model.config == {"depth": 8}
    loaded = zoo.load("cnn/resnet20", weights=tmp_path / "deep.safetensors")
    assert zoo.evaluate(loaded, "digits", limit=8).model.label == record.model.label
