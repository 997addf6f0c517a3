"""The plugin: fit to be published, and right in what it says of ONNX files and what it scores."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from zoo_onnx.files import facts_of, listed
from zoo_onnx.session import OnnxClassifier

import zoo
from zoo.errors import ModelError, UnknownNameError, WeightsError

ARRAY = np.random.default_rng(0).normal(size=(10, 64)).astype(np.float32)


def graph(
    *, shape: tuple[Any, ...] = ("n", 1, 8, 8), last: str = "", classes: list[str] | None = None, kind: int = TensorProto.FLOAT
) -> bytes:
    """A linear classifier of 64 numbers, in an operator `last`, if one is named."""
    nodes = [
        helper.make_node("Cast", ["input"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["cast"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["scores"], transB=1),
    ]
    output = "scores"
    if last:
        nodes.append(helper.make_node(last, ["scores"], ["last"]))
        output = "last"
    made = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [shape[0], 10])],
        [numpy_helper.from_array(ARRAY, "w")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"classes": json.dumps(classes)} if classes else {})
    return bytes(model.SerializeToString())


def loaded(content: bytes, **options: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """A classifier of a file with this content, called with tensors."""
    with NamedTemporaryFile(suffix=".onnx") as file:
        Path(file.name).write_bytes(content)
        model = OnnxClassifier(Path(file.name), **options)
    return lambda inputs: torch.from_numpy(model(inputs.numpy()))


IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LOGITS = IMAGES.flatten(1) @ torch.from_numpy(ARRAY).T


def test_the_plugin_passes_every_check(zoo_check: Callable[[str], object]) -> None:
    zoo_check("onnxruntime")


def test_the_graph_scores_as_the_network_that_it_was_written_from(zoo_home: Path) -> None:
    theirs = zoo.evaluate("intro/mlp@digits", "digits")
    ours = zoo.evaluate("onnxruntime/digits-mlp", "digits")
    assert ours.primary.value == pytest.approx(theirs.primary.value, abs=1e-9)
    assert ours.primary.value == pytest.approx(0.975, abs=0.003)
    x = torch.rand(7, 1, 8, 8)
    with torch.inference_mode():
        assert torch.allclose(zoo.load("onnxruntime/digits-mlp")(x), zoo.load("intro/mlp@digits")(x), atol=1e-4)


def test_any_file_is_a_model_by_its_path_and_its_hash_is_recorded(zoo_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(graph(classes=list("0123456789")))
    record = zoo.evaluate(f"onnx:{file}", "digits", limit=40)
    assert record.model.weights_uri == file.as_uri() or record.model.weights_uri == f"file:{file}"
    before = (record.key, record.model.weights_sha256)
    file.write_bytes(graph(classes=list("9876543210")))
    after = zoo.evaluate(f"onnx:{file}", "digits", limit=40)
    assert after.key != before[0] and after.model.weights_sha256 != before[1]


def test_files_in_a_data_folder_are_named_and_listed(zoo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnx" / "some").mkdir(parents=True)
    (tmp_path / "onnx" / "some" / "net.onnx").write_bytes(graph(classes=list("0123456789")))
    (tmp_path / "onnx" / "broken.onnx").write_bytes(b"nothing")
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    assert [spec.name for spec in listed()] == ["onnx/some/net"]
    assert zoo.evaluate("onnx/some/net", "digits", limit=10).primary.n == 10
    with pytest.raises(UnknownNameError):
        zoo.load("onnx/../net")


def test_without_class_names_they_are_asked_for(zoo_home: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(graph())
    with pytest.raises(ModelError, match="which class each of its outputs is"):
        zoo.evaluate(f"onnx:{tmp_path / 'net.onnx'}", "digits", limit=10)
    assert zoo.evaluate(f"onnx:{tmp_path / 'net.onnx'}", "digits", limit=10, classes="dataset").primary.n == 10


def test_probabilities_become_the_logits_whose_softmax_they_are() -> None:
    found = loaded(graph(last="Softmax"))(IMAGES)
    assert torch.allclose(found.softmax(1), LOGITS.softmax(1), atol=1e-5)
    assert torch.allclose(loaded(graph())(IMAGES), LOGITS, atol=1e-4)


def test_scores_that_may_be_either_are_refused_until_it_is_said() -> None:
    square = graph(last="Softmax").replace(b"Softmax", b"Hardmax")  # of the same length: an operator that nobody knows here
    with pytest.raises(ModelError, match="look like probabilities") as caught:
        loaded(square)(IMAGES)
    assert "options.gives=probabilities" in caught.value.hint
    assert loaded(square, gives="logits")(IMAGES).sum(1).tolist() == [1] * 5
    with pytest.raises(ModelError, match="no probabilities"):
        loaded(graph(), gives="probabilities")(IMAGES)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_graph_for_a_fixed_number_of_samples_takes_any(size: int) -> None:
    assert torch.allclose(loaded(graph(shape=(size, 1, 8, 8)))(IMAGES), LOGITS, atol=1e-4)


def test_layouts_types_and_normalisation_are_those_of_the_graph() -> None:
    last = loaded(graph(shape=("n", 8, 8, 1)))
    assert torch.allclose(last(IMAGES), LOGITS, atol=1e-4)
    bytes_ = loaded(graph(kind=TensorProto.UINT8))
    assert torch.allclose(bytes_(IMAGES), (IMAGES * 255).round().flatten(1) @ torch.from_numpy(ARRAY).T, atol=1e-1)
    normal = loaded(graph(), mean=(0.5,), std=(0.25,))
    assert torch.allclose(normal(IMAGES), ((IMAGES - 0.5) / 0.25).flatten(1) @ torch.from_numpy(ARRAY).T, atol=1e-3)
    assert facts_of(graph(shape=("n", 64)), "it").modality == "vector"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "takes 0 inputs"),
        (b"\xff\xff", "no ONNX file"),
        (graph(shape=("n", 7, 8, 8)), "neither images"),
        (b"PK\x03\x04", "no ONNX file"),
    ],
)
def test_what_is_no_classifier_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(WeightsError, match=why):
        facts_of(content, "it")


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(graph())
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, size_threshold=0, location="net.data")
    with pytest.raises(WeightsError, match="in other files"):
        facts_of((tmp_path / "net.onnx").read_bytes(), "it")
