"""A classifier whose network is a graph of ONNX."""

from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from zoo.errors import ModelError, WeightsError
from zoo_onnx.files import Facts, Gives, facts_of

TINY = float(np.finfo(np.float32).tiny)


class Options(BaseModel):
    """What a file may leave unsaid."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mean: tuple[float, ...] | None = Field(default=None, description="Subtracted from the pixels of each channel, in [0, 1].")
    std: tuple[float, ...] | None = Field(default=None, description="What those are then divided by.")
    gives: Gives | None = Field(default=None, description="What its scores are; by default told by the operator that makes them.")


class OnnxClassifier:
    """A graph with one input and one score a class, run by onnxruntime on the CPU.

    Images come as [b, c, h, w] in [0, 1], vectors as [b, d], texts as a list of str. Probabilities p become the logits log p, of
    which softmax gives them back; one of 0 counts as the smallest float32.
    """

    def __init__(
        self, mean: tuple[float, ...] | None = None, std: tuple[float, ...] | None = None, gives: Gives | None = None
    ) -> None:
        self.mean, self.std, self.gives = mean, std, gives
        self.content = np.zeros(0, np.uint8)
        self.session: Any = None
        self.facts: Facts | None = None

    def state_dict(self) -> dict[str, Tensor]:
        """The file, byte by byte."""
        return {"onnx": torch.from_numpy(self.content)}

    def load_state_dict(self, state: dict[str, Tensor], strict: bool = True) -> None:
        """Take a file. Raises WeightsError where onnxruntime cannot run it."""
        import onnxruntime

        self.content = state["onnx"].cpu().numpy()
        self.facts = facts_of(self.content.tobytes(), "the file")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(self.content.tobytes(), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class in common
            reason = " ".join(str(error).split())[:200]
            hint = "export it for a lower opset, or without operators of its own"
            raise WeightsError(f"onnxruntime cannot run the file: {reason}", hint) from error

    def __call__(self, inputs: Any) -> Tensor:
        """Logits float32 [b, classes]."""
        if self.facts is None:
            raise ModelError("no file is loaded", "name one: onnx:PATH")
        values = self._arrays(inputs)
        size = self.facts.batch or len(values) or 1
        scores = np.concatenate([self._run(values[start : start + size], size) for start in range(0, len(values), size)])
        device = inputs.device if isinstance(inputs, Tensor) else "cpu"
        return torch.from_numpy(self._logits(scores.astype(np.float32))).to(device)

    def _arrays(self, inputs: Any) -> "np.ndarray[Any, Any]":
        """The inputs of the graph, of the type and layout that it wants."""
        import onnx

        assert self.facts is not None
        if self.facts.modality == "text":
            return np.array(inputs, dtype=object).reshape(-1, *([1] * (len(self.facts.shape) - 1)))
        values = inputs.detach().cpu()
        if self.mean is not None and self.std is not None:
            values = (values - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]
        if self.facts.channels_last:
            values = values.permute(0, 2, 3, 1)
        kind = onnx.helper.tensor_dtype_to_np_dtype(self.facts.type)
        array = values.contiguous().numpy()
        whole = np.issubdtype(kind, np.integer)
        return np.asarray((array * 255).round() if whole else array, dtype=kind)

    def _run(self, values: "np.ndarray[Any, Any]", size: int) -> "np.ndarray[Any, Any]":
        """The scores of up to `size` samples. What takes a fixed number gets the last one again, as often as it lacks."""
        assert self.facts is not None
        given = len(values)
        if self.facts.batch is not None and given < size:
            values = np.concatenate([values, np.repeat(values[-1:], size - given, axis=0)])
        scores: np.ndarray[Any, Any] = self.session.run([self.facts.output], {self.facts.input: values})[0]
        return scores[:given]

    def _logits(self, scores: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        assert self.facts is not None
        gives = self.gives or self.facts.gives
        look = bool(len(scores)) and bool((scores >= 0).all()) and bool(np.allclose(scores.sum(axis=1), 1, atol=1e-4))
        if gives == "probabilities":
            if not look:
                why = "its scores are no probabilities: they are negative, or do not sum to 1"
                raise ModelError(why, "say `options.gives=logits`")
            return np.asarray(np.log(np.maximum(scores, TINY)))
        if look and self.gives is None and len(scores) > 1:
            raise ModelError(
                "its scores look like probabilities, and its graph does not say what they are",
                "say `options.gives=probabilities`, or `options.gives=logits` if they are logits all the same",
            )
        return scores
