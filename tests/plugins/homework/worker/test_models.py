"""Submissions that run: what each mistake of a model or of its file is called."""

import json
from pathlib import Path

import pytest
import torch

from zoo.opening.weights import save_state
from zoo_homework.statuses import SubmissionError
from zoo_homework.worker.inputs import Inputs
from zoo_homework.worker.models import run_weights
from zoo_homework.worker.onnx_files import run_onnx

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'deepzoo[homework]'")


ABOUT = {"task": "classify", "modality": "text", "protocol": {}, "classes": ["ham", "spam"], "sizes": []}


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "split.json").write_text(json.dumps({**ABOUT, "ids": ["a", "b"]}))
    (folder / "texts.json").write_text(json.dumps(["one", "two"]))
    return Inputs(folder)


def identity(path: Path, kind: int, *shapes: list[int | str]) -> Path:
    """An ONNX model that hands on the first of its inputs, which have these shapes."""
    from onnx import helper

    taken = [helper.make_tensor_value_info(f"x{at}", kind, shape) for at, shape in enumerate(shapes)]
    given = helper.make_tensor_value_info("y", kind, shapes[0])
    graph = helper.make_graph([helper.make_node("Identity", ["x0"], ["y"])], "g", taken, [given])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


@pytest.mark.parametrize(
    ("kind", "shapes", "said"),
    [
        ("STRING", [[1]], "batches of 1 only; make the batch dimension dynamic"),
        ("FLOAT", [["b", 3, 8, 8]], r"takes tensor\(float\); the homework's inputs are texts, which are tensor\(string\)"),
        ("STRING", [["b"], ["b"]], "has 2 inputs; it must have one"),
        ("STRING", [["b"]], r"no output of the model is \[b, 2\]"),
    ],
)
def test_an_onnx_model_that_does_not_fit_is_told_why(
    kind: str, shapes: list[list[int | str]], said: str, inputs: Inputs, tmp_path: Path
) -> None:
    with pytest.raises(SubmissionError, match=said) as caught:
        run_onnx(identity(tmp_path / "my.onnx", getattr(onnx.TensorProto, kind), *shapes), inputs)
    assert str(caught.value.status) == "bad-model"


@pytest.mark.parametrize("key", ["classes", "config"])
def test_weights_whose_metadata_are_broken_are_bad_weights(key: str, inputs: Inputs, tmp_path: Path) -> None:
    save_state(tmp_path / "my.safetensors", {"weight": torch.zeros(2)}, {"model": "sequence/ngram-bag", key: "{"})
    with pytest.raises(SubmissionError, match=f"metadata '{key}' cannot be read") as caught:
        run_weights(tmp_path / "my.safetensors", inputs)
    assert str(caught.value.status) == "bad-weights"
