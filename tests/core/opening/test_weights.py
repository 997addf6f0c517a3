"""Weights: hash before parse, no pickle, strict loading, whole files."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from zoo.errors import WeightsError
from zoo.opening.weights import find_weights, load_state, read_metadata, read_state, read_weights, save_state, weights_sha256
from zoo.specs import Weights, WeightsPart


class Trap:
    """Pickles to code that creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return (open, (str(self.path), "w"))


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_a_saved_state_reads_back_equal_under_its_hash(tmp_path: Path) -> None:
    state = model().state_dict()
    digest = save_state(tmp_path / "m.safetensors", state, {"recipe": "a/b"})
    read, found = read_state(tmp_path / "m.safetensors", sha256=digest)
    assert same(read, state)
    assert found == digest == sha256(tmp_path / "m.safetensors")


@pytest.mark.slow
def test_equal_states_give_equal_bytes_in_every_process(tmp_path: Path) -> None:
    metadata = {letter: letter for letter in "zyxwvutsrq"}
    digest = save_state(tmp_path / "m.safetensors", {"b": torch.ones(2), "a": torch.zeros(3)}, metadata)
    code = (
        "import torch; from pathlib import Path; from zoo.opening.weights import save_state;"
        f"print(save_state(Path({str(tmp_path / 'n.safetensors')!r}), {{'a': torch.zeros(3), 'b': torch.ones(2)}},"
        " {letter: letter for letter in 'qrstuvwxyz'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == digest


def test_shared_and_strided_tensors_are_saved(tmp_path: Path) -> None:
    tied = torch.arange(6.0).reshape(2, 3)
    save_state(tmp_path / "m.safetensors", {"a": tied, "b": tied, "t": tied.t()})
    read, _ = read_state(tmp_path / "m.safetensors")
    assert same(read, {"a": tied, "b": tied, "t": tied.t()})


def test_metadata_reads_back_and_other_formats_have_none(tmp_path: Path) -> None:
    save_state(tmp_path / "m.safetensors", {"a": torch.zeros(1)}, {"classes": '["ham", "späm"]'})
    torch.save({"a": torch.zeros(1)}, tmp_path / "m.pt")
    assert read_metadata(tmp_path / "m.safetensors") == {"classes": '["ham", "späm"]'}
    assert read_metadata(tmp_path / "m.pt") == {}
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "m.safetensors").read_bytes()[:20])
    assert read_metadata(tmp_path / "cut.safetensors") == read_metadata(tmp_path / "absent.safetensors") == {}


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_wrong_hash_is_found_before_anything_is_parsed(tmp_path: Path, suffix: str) -> None:
    path, mark = tmp_path / f"evil{suffix}", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(WeightsError) as caught:
        read_state(path, sha256="0" * 64, allow_pickle=True)
    assert not mark.exists()
    assert sha256(path) in caught.value.message
    assert "0" * 64 in caught.value.message


def test_a_pickle_never_runs_unless_it_is_allowed(tmp_path: Path) -> None:
    path, mark = tmp_path / "evil.pt", tmp_path / "ran"
    torch.save({"state_dict": {"a": Trap(mark)}}, path)
    with pytest.raises(WeightsError, match="contains a pickle") as caught:
        read_state(path)
    assert not mark.exists()
    assert "`allow_pickle`" in caught.value.hint
    with pytest.raises(WeightsError, match="no tensor"):
        read_state(path, allow_pickle=True)
    assert mark.exists()


def test_an_allowed_pickle_of_a_whole_module_gives_its_state(tmp_path: Path) -> None:
    torch.save(model(), tmp_path / "whole.pt")
    with pytest.raises(WeightsError, match="contains a pickle"):
        read_state(tmp_path / "whole.pt")
    assert same(read_state(tmp_path / "whole.pt", allow_pickle=True)[0], model().state_dict())


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused_at_every_length(tmp_path: Path, suffix: str, share: float) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    if not whole.exists():
        torch.save(model().state_dict(), whole) if suffix == ".pt" else save_state(whole, model().state_dict())
    content = whole.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError):
        read_state(cut)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".pt", ".safetensors", ".onnx"]))
def test_any_bytes_give_a_weights_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        read_state(path)


def test_an_absent_file_and_one_of_another_format_say_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read"):
        read_state(tmp_path / "absent.safetensors")
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(WeightsError, match="is no weights file, but an ONNX file"):
        read_state(tmp_path / "model.onnx")


def test_nan_is_refused_by_key_and_infinity_is_not(tmp_path: Path) -> None:
    save_state(tmp_path / "a.safetensors", {"mask": torch.tensor([float("-inf")])})
    read_state(tmp_path / "a.safetensors")
    save_state(tmp_path / "b.safetensors", {"fc.weight": torch.tensor([float("nan")])})
    with pytest.raises(WeightsError, match=r"fc\.weight"):
        read_state(tmp_path / "b.safetensors")


def test_loading_is_strict_about_missing_extra_and_misshapen_keys() -> None:
    state = model().state_dict()
    missing = {key: value for key, value in state.items() if key != "0.weight"}
    with pytest.raises(WeightsError, match=r"cnn/toy: 1 missing \(0\.weight\)"):
        load_state(model(), missing, "cnn/toy")
    with pytest.raises(WeightsError, match=r"1 unexpected \(head\)"):
        load_state(model(), {**state, "head": torch.zeros(1)}, "cnn/toy")
    with pytest.raises(WeightsError, match=r"0\.weight \[4, 9\] instead of \[4, 3\]"):
        load_state(model(), {**state, "0.weight": torch.zeros(4, 9)}, "cnn/toy")


def test_a_long_list_of_keys_is_counted_and_shortened() -> None:
    with pytest.raises(WeightsError, match=r"9 missing \(0\.weight, 0\.bias, 1\.weight, …\)"):
        load_state(model(), {"x": torch.zeros(1)}, "toy")


def test_anything_with_load_state_dict_can_be_loaded() -> None:
    class NumpyModel:
        weight: object = None

        def load_state_dict(self, state: dict[str, torch.Tensor], strict: bool = True) -> None:
            self.weight = state["weight"].numpy()

    toy = NumpyModel()
    load_state(toy, {"weight": torch.ones(2)}, "toy")
    assert toy.weight is not None
    with pytest.raises(WeightsError, match="weight"):
        load_state(NumpyModel(), {}, "toy")


def test_saving_where_nothing_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    from zoo.errors import StoreError

    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        save_state(tmp_path / "file" / "m.safetensors", {"a": torch.zeros(1)})
    assert not list(tmp_path.rglob("*.safetensors*"))


def test_weights_in_a_data_folder_are_found_by_hash_and_not_downloaded(tmp_path: Path) -> None:
    good, other = tmp_path / "weights" / "b" / "m.safetensors", tmp_path / "weights" / "a" / "m.safetensors"
    digest = save_state(good, {"a": torch.zeros(1)})
    save_state(other, {"a": torch.ones(1)})
    weights = Weights(uri="https://nowhere.invalid/m.safetensors?x=1", sha256=digest, licence="MIT", source="test")
    assert find_weights(weights, tmp_path) == good


@pytest.mark.parametrize("place", ["m.safetensors", "vdsr/m.safetensors", "weights/deep/er/m.safetensors"])
def test_weights_are_found_in_a_layout_of_ones_own(tmp_path: Path, place: str) -> None:
    digest = save_state(tmp_path / place, {"a": torch.zeros(1)})
    weights = Weights(
        uri="https://nowhere.invalid/net.pth", file="m.safetensors", converted=True, sha256=digest, licence="MIT", source="test"
    )
    assert find_weights(weights, tmp_path) == tmp_path / place
    save_state(tmp_path / place, {"a": torch.ones(1)})
    with pytest.raises(WeightsError):
        find_weights(weights, tmp_path)


def test_a_file_uri_is_verified(tmp_path: Path) -> None:
    digest = save_state(tmp_path / "m.safetensors", {"a": torch.zeros(1)})
    good = Weights(uri=f"file:{tmp_path / 'm.safetensors'}", sha256=digest, licence="MIT", source="test")
    assert find_weights(good) == tmp_path / "m.safetensors"
    with pytest.raises(WeightsError):
        find_weights(good.model_copy(update={"sha256": "0" * 64}))


def test_the_published_cifar10_resnets_parse(real_data: Path) -> None:
    folder = real_data / "weights" / "cifar10_resnet"
    for name, parameters in (("resnet20-12fca82f.th", 269_722), ("resnet32-d509ac18.th", 464_154)):
        state, _ = read_state(folder / name)
        state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
        learned = sum(t.numel() for k, t in state.items() if "running" not in k and "num_batches" not in k)
        assert learned == parameters
        assert "conv1.weight" in state


def test_weights_without_a_published_hash_are_known_by_that_of_their_file(tmp_path: Path) -> None:
    from zoo.opening.composing import named_model
    from zoo.opening.models import Choice
    from zoo.specs import ModelSpec

    path = tmp_path / "net.safetensors"
    sha256 = save_state(path, nn.Linear(2, 3).state_dict())
    weights = Weights(uri=f"file:{path}", sha256=None, licence="-", source="-")
    spec = ModelSpec(
        name="toy/net", summary="A net.", tasks={"embed": "torch.nn:Linear"}, modality="vector",
        config={"in_features": 2, "out_features": 3}, weights={"pretrained": weights},
    )  # fmt: skip
    model = named_model(spec, "embed", Choice())
    assert model.weights_sha256 == model.identity["weights"] == sha256
    save_state(path, nn.Linear(2, 3).state_dict())
    with pytest.raises(WeightsError, match="is not the file that was declared"):
        model.load()  # what was keyed is what is loaded


def test_weights_of_a_hub_that_cannot_be_had_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    weights = Weights(uri="hf://no-such-org/no-such-repo@main/model.safetensors", sha256=None, licence="-", source="-")
    with pytest.raises(WeightsError, match="absent and cannot be downloaded") as caught:
        find_weights(weights)
    assert "`weights=FILE`" in caught.value.hint
    assert "ZOO_OFFLINE forbids" in caught.value.message


def test_a_file_of_the_name_with_another_hash_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights/deep").mkdir(parents=True)
    (tmp_path / "weights/deep/net.pth").write_bytes(b"another")
    weights = Weights(uri="https://example.org/net.pth", sha256="0" * 64, licence="-", source="-")
    with pytest.raises(WeightsError, match="absent") as caught:
        find_weights(weights, tmp_path)
    assert "deep/net.pth is there, but its SHA-256 is" in caught.value.hint


def test_a_text_is_no_weights_file_and_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    path.write_text("garbage")
    with pytest.raises(WeightsError, match="is no weights file") as caught:
        read_state(path)
    assert "allow_pickle" not in caught.value.hint


def in_parts(tmp_path: Path, *states: dict[str, torch.Tensor]) -> Weights:
    for number, state in enumerate(states):
        save_state(tmp_path / f"{number}.safetensors", state)
    parts = tuple(WeightsPart(uri=f"file:{tmp_path / f'{i}.safetensors'}", prefix=f"{i}.") for i in range(len(states)))
    return Weights(uri=f"file:{tmp_path}", parts=parts, sha256=None, licence="MIT", source="a test")


def test_weights_in_several_files_are_one_state(tmp_path: Path) -> None:
    first, second = {"a": torch.zeros(3)}, {"a": torch.ones(2), "b": torch.ones(1)}
    weights = in_parts(tmp_path, first, second)
    digest = weights_sha256(weights)
    assert same(read_weights(weights, sha256=digest), {"0.a": first["a"], "1.a": second["a"], "1.b": second["b"]})


def test_a_file_among_several_that_was_altered_is_seen_before_it_is_parsed(tmp_path: Path) -> None:
    weights = in_parts(tmp_path, {"a": torch.zeros(3)}, {"a": torch.ones(2)})
    digest = weights_sha256(weights)
    (tmp_path / "1.safetensors").write_bytes(b"no safetensors")
    assert weights_sha256(weights) != digest
    with pytest.raises(WeightsError, match="have changed meanwhile"):
        read_weights(weights, sha256=digest)
    (tmp_path / "0.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"0\.safetensors"):
        weights_sha256(weights)


def test_a_name_that_two_files_have_is_refused(tmp_path: Path) -> None:
    weights = in_parts(tmp_path, {"a": torch.zeros(3)}, {"a": torch.ones(2)})
    alike = tuple(part.model_copy(update={"prefix": ""}) for part in weights.parts)
    with pytest.raises(WeightsError, match="both hold 'a'"):
        read_weights(weights.model_copy(update={"parts": alike}), sha256=None)
