"""An ONNX file that a student handed in: refused where it is not self-contained, and run on the processor. In the jail."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.specs import ImageInput
from zoo.tasks import ModelInfo
from zoo_homework.statuses import Status, SubmissionError
from zoo_homework.worker.inputs import Inputs
from zoo_homework.worker.models import SUBMISSION, in_batches
from zoo_homework.worker.prediction_files import SUM_TOLERANCE, log_probabilities

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]


def run_onnx(path: Path, inputs: Inputs) -> Array:
    """Logits of an ONNX model: one input, strings [b] or [b, 1], or float32 [b, c, h, w] in [0, 1]; its output [b, C] is taken.

    An output whose rows are probabilities is taken as such. Its classes are the homework's, in order.
    """
    from zoo.imaging import prepare_image

    session, taken = _opened(path, inputs.modality)
    wanted = _wanted(taken, inputs.modality)
    parts = []
    for rows in in_batches(len(inputs.ids)):
        given = [inputs[row].input for row in rows]
        given = [prepare_image(image, wanted) for image in given] if wanted is not None else given
        parts.append(_scores(_run(session, taken, given), len(inputs.classes)))
    scores = np.concatenate(parts).astype(np.float64)
    if scores.shape != (len(inputs.ids), len(inputs.classes)):
        raise SubmissionError(
            Status.BAD_MODEL, f"its output is {list(scores.shape)}, not [{len(inputs.ids)}, {len(inputs.classes)}]"
        )
    if not np.isfinite(scores).all():
        raise SubmissionError(Status.NOT_FINITE, "the model returns NaN or infinity")
    sums = scores.sum(axis=1)
    return log_probabilities(scores) if scores.min() >= 0 and abs(sums - 1).max() <= SUM_TOLERANCE else scores


def onnx_model(path: Path, inputs: Inputs) -> tuple[ModelInfo, Any]:
    """What a task needs of an ONNX model that maps a batch of its inputs to one tensor, such as vectors or maps of logits."""
    session, taken = _opened(path, inputs.modality)
    return ModelInfo(SUBMISSION, None, "dataset", _wanted(taken, inputs.modality)), OnnxModel(session, taken)


class OnnxModel:
    """A callable from a batch, as tasks collate it, to the first output of the model that is of floating point."""

    def __init__(self, session: Any, taken: Any) -> None:
        self.session, self.taken = session, taken

    def __call__(self, inputs: "Tensor | Sequence[Any]") -> "Tensor":
        import torch

        whole = isinstance(inputs, torch.Tensor) or isinstance(inputs[0], str)
        parts: list[Any] = [inputs] if whole else [[item] for item in inputs]  # a list of tensors: each has a size of its own
        return torch.cat([self._first(_run(self.session, self.taken, part)) for part in parts])

    def _first(self, outputs: list[Any]) -> "Tensor":
        import torch

        found = [output for output in outputs if getattr(getattr(output, "dtype", None), "kind", "") == "f"]
        if not found:
            raise SubmissionError(Status.BAD_MODEL, "no output of the model is of floating point")
        return torch.from_numpy(found[0])


def _opened(path: Path, modality: str) -> tuple[Any, Any]:
    """A session of the model, and its one input."""
    import onnxruntime

    content = path.read_bytes()
    refuse_external_data(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _cannot_be_run(error) from error
    return session, _onnx_input(session, modality)


def _run(session: Any, taken: Any, inputs: Sequence[Any]) -> list[Any]:
    try:
        return _fed(session, taken, inputs)
    except Exception as error:
        raise _cannot_be_run(error) from error


def _cannot_be_run(error: Exception) -> SubmissionError:
    """onnxruntime's own errors have no common base."""
    return SubmissionError(Status.BAD_MODEL, f"the ONNX model cannot be run: {str(error).strip().splitlines()[0]}")


def _scores(outputs: list[Any], classes: int) -> Array:
    found = [output for output in outputs if getattr(output, "ndim", 0) == 2 and output.shape[1] == classes]
    if not found:
        raise SubmissionError(Status.BAD_MODEL, f"no output of the model is [b, {classes}]")
    return found[0]  # type: ignore[no-any-return]


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


def _fed(session: Any, taken: Any, inputs: Sequence[Any]) -> list[Any]:
    """All outputs of the model for a batch of texts, or of tensors of one size."""
    if taken.type == "tensor(string)":
        values = np.array(inputs, dtype=object)
        batch = values.reshape(-1, 1) if len(taken.shape) == 2 else values
    else:
        batch = np.stack([image.numpy() for image in inputs]).astype(np.float32)
    return session.run(None, {taken.name: batch})  # type: ignore[no-any-return]


def _wanted(taken: Any, modality: str) -> ImageInput | None:
    """The size that the model's input has, where it says one."""
    sides = taken.shape[2:] if len(taken.shape) == 4 else ()
    fixed = len(sides) == 2 and all(isinstance(side, int) for side in sides)
    return ImageInput(size=tuple(sides) if fixed else None) if modality == "image" else None


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
