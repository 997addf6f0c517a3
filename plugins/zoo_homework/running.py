"""Submissions that have to run: weights of an architecture that the registry knows, an ONNX file, a `predict.py`. In the jail."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo_homework.inputs import Inputs
from zoo_homework.reading import SUM_TOLERANCE, check_predictions, log_probabilities
from zoo_homework.statuses import Status, SubmissionError

Array = np.ndarray[Any, Any]
BATCH = 64


def run_weights(path: Path, inputs: Inputs) -> Array:
    """Logits float32 [n, C] of the architecture that the file's metadata names (`model`, as `zoo train` writes it)."""
    import torch

    from zoo import registry
    from zoo.errors import ZooError
    from zoo.opening import Choice, named_model, read_metadata
    from zoo.runs import predictions
    from zoo.tasks import DataInfo, task_class

    name = read_metadata(path).get("model")
    if not name:
        raise SubmissionError(
            Status.BAD_WEIGHTS, "the file does not say which architecture it is for: metadata 'model', as zoo train writes it"
        )
    torch.set_num_threads(1)
    try:
        model = named_model(registry().model(name), "classify", Choice(file=path))
        info = DataInfo("the test split", "test", inputs.modality, inputs.classes)  # type: ignore[arg-type]
        if model.info.modality not in (None, info.modality):
            raise SubmissionError(Status.BAD_WEIGHTS, f"{name} takes {model.info.modality}, the homework is {info.modality}")
        task = task_class("classify")(model.info, info)
        parts = [rows.columns["logits"] for rows in predictions(task, model.load(), inputs, batch_size=BATCH)]
    except ZooError as error:
        raise SubmissionError(Status.BAD_WEIGHTS, error.message) from error
    logits = np.concatenate(parts)
    if logits.shape[1] != len(inputs.classes):
        others = logits.shape[1] - len(inputs.classes)
        raise SubmissionError(Status.BAD_WEIGHTS, f"{name} has {others} classes that the homework has not")
    return logits


def run_onnx(path: Path, inputs: Inputs) -> Array:
    """Logits of an ONNX model: one input, strings [b] or [b, 1], or float32 [b, c, h, w] in [0, 1]; its output [b, C] is taken.

    An output whose rows are probabilities is taken as such. Its classes are the homework's, in order.
    """
    import onnxruntime

    content = path.read_bytes()
    refuse_external_data(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        taken = _onnx_input(session, inputs.modality)
        parts = [_onnx_batch(session, taken, inputs, rows) for rows in _batches(len(inputs.ids))]
    except SubmissionError:
        raise
    except Exception as error:  # onnxruntime's own errors have no common base
        raise SubmissionError(Status.BAD_MODEL, f"the ONNX model cannot be run: {str(error).strip().splitlines()[0]}") from error
    scores = np.concatenate(parts).astype(np.float64)
    if scores.shape != (len(inputs.ids), len(inputs.classes)):
        raise SubmissionError(
            Status.BAD_MODEL, f"its output is {list(scores.shape)}, not [{len(inputs.ids)}, {len(inputs.classes)}]"
        )
    if not np.isfinite(scores).all():
        raise SubmissionError(Status.NOT_FINITE, "the model returns NaN or infinity")
    sums = scores.sum(axis=1)
    return log_probabilities(scores) if scores.min() >= 0 and abs(sums - 1).max() <= SUM_TOLERANCE else scores


def refuse_external_data(content: bytes) -> None:
    """Raise SubmissionError where a tensor of the model lies in another file, or the content is no ONNX model."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's errors differ between its implementations
        raise SubmissionError(Status.BAD_MODEL, f"this is no ONNX file: {type(error).__name__}") from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise SubmissionError(Status.BAD_MODEL, "the model keeps tensors in another file; save it as one self-contained file")


def run_code(path: Path, inputs: Inputs) -> Array:
    """What `predict(inputs)` of a `predict.py` returns: a label or the probabilities of each input.

    `inputs` is a list of strings, or an array, images uint8 [n, channels, height, width].
    """
    file = path / "predict.py" if path.is_dir() else path
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location("predict", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["predict"] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "predict", None)):
        raise SubmissionError(Status.BAD_FORMAT, "predict.py has no function predict(inputs)")
    returned = module.predict(inputs.samples)
    array = np.asarray(returned)
    if not array.ndim:
        what = f"predict returned a {type(returned).__name__}, not a list or an array of one prediction for each input"
        raise SubmissionError(Status.BAD_FORMAT, what)
    return check_predictions(array, len(inputs.ids), inputs.classes)


def _batches(n: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, n)) for start in range(0, n, BATCH))


def _onnx_input(session: Any, modality: str) -> Any:
    """The model's one input. Raises SubmissionError where it is none that the homework's inputs can be given to."""
    taken, expected = session.get_inputs(), "tensor(string)" if modality == "text" else "tensor(float)"
    if len(taken) != 1:
        raise SubmissionError(Status.BAD_MODEL, f"the model has {len(taken)} inputs; it must have one")
    if taken[0].type != expected:
        what = f"the model takes {taken[0].type}; the homework's inputs are {modality}s, which are {expected}"
        raise SubmissionError(Status.BAD_MODEL, what)
    if taken[0].shape and isinstance(taken[0].shape[0], int):
        what = f"the model takes batches of {taken[0].shape[0]} only; make the batch dimension dynamic when you export it"
        raise SubmissionError(Status.BAD_MODEL, what)
    return taken[0]


def _onnx_batch(session: Any, taken: Any, inputs: Inputs, rows: range) -> Array:
    if taken.type == "tensor(string)":
        values = np.array([inputs.samples[row] for row in rows], dtype=object)
        batch = values.reshape(-1, 1) if len(taken.shape) == 2 else values
    else:
        from zoo.imaging import prepare_image
        from zoo.specs import ImageInput

        sides = taken.shape[2:] if len(taken.shape) == 4 else ()
        size = tuple(sides) if len(sides) == 2 and all(isinstance(side, int) for side in sides) else None
        prepared = [inputs[row].input for row in rows]
        if inputs.modality == "image":
            prepared = [prepare_image(image, ImageInput(size=size)) for image in prepared]
        batch = np.stack([image.numpy() for image in prepared]).astype(np.float32)
    outputs = session.run(None, {taken.name: batch})
    found = [output for output in outputs if getattr(output, "ndim", 0) == 2 and output.shape[1] == len(inputs.classes)]
    if not found:
        raise SubmissionError(Status.BAD_MODEL, f"no output of the model is [b, {len(inputs.classes)}]")
    return found[0]  # type: ignore[no-any-return]


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor of a model: of its graph, of graphs within nodes, and of its functions."""
    graphs, nodes = [model.graph], [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes += graph.node
            continue
        for attribute in nodes.pop().attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            graphs += [attribute.g] if attribute.HasField("g") else []
            graphs += attribute.graphs
