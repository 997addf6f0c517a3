"""A classifier whose network is a graph of ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from zoo.errors import ModelError, WeightsError
from zoo_onnx.files import Facts, Gives, facts_of

Array = np.ndarray[Any, Any]
TINY = float(np.finfo(np.float32).tiny)


class Options(BaseModel):
    """What a file may leave unsaid."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mean: tuple[float, ...] | None = Field(default=None, description="Subtracted from the pixels of each channel, in [0, 1].")
    std: tuple[float, ...] | None = Field(default=None, description="What those are then divided by.")
    gives: Gives | None = Field(default=None, description="What its scores are; by default told by the operator that makes them.")


class OnnxClassifier:
    """A graph with one input and one score a class, run by onnxruntime on the CPU.

    Images come as float32 [b, c, h, w] in [0, 1], vectors as [b, d], texts as a list of str. Probabilities p become the logits
    log p, of which softmax gives them back; one of 0 counts as the smallest float32.
    """

    def __init__(
        self,
        weights: Path,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
        gives: Gives | None = None,
    ) -> None:
        """Raises WeightsError where onnxruntime cannot run the file."""
        import onnxruntime

        self.mean, self.std, self.gives = mean, std, gives
        content = weights.read_bytes()
        self.facts: Facts = facts_of(content, weights.name)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class in common
            reason = " ".join(str(error).split())[:200]
            hint = "export it for a lower opset, or without operators of its own"
            raise WeightsError(f"onnxruntime cannot run {weights.name}: {reason}", hint) from error

    def __call__(self, inputs: Any) -> Array:
        """Logits float32 [b, classes]."""
        values = self._values(inputs)
        size = self.facts.batch or len(values) or 1
        scores = np.concatenate([self._run(values[start : start + size], size) for start in range(0, len(values), size)])
        return self._logits(scores.astype(np.float32))

    def _values(self, inputs: Any) -> Array:
        """The inputs of the graph, of the type and layout that it wants."""
        import onnx

        if self.facts.modality == "text":
            return np.array(inputs, dtype=object).reshape(-1, *([1] * (len(self.facts.shape) - 1)))
        values = np.asarray(inputs)
        if self.mean is not None and self.std is not None:
            mean, std = (np.array(one, np.float32)[:, None, None] for one in (self.mean, self.std))
            values = (values - mean) / std
        if self.facts.channels_last:
            values = values.transpose(0, 2, 3, 1)
        kind = onnx.helper.tensor_dtype_to_np_dtype(self.facts.type)
        if np.issubdtype(kind, np.integer):
            values = (values * 255).round()
        return np.ascontiguousarray(values, dtype=kind)

    def _run(self, values: Array, size: int) -> Array:
        """The scores of up to `size` samples. What takes a fixed number gets the last one again, as often as it lacks."""
        given = len(values)
        if self.facts.batch is not None and given < size:
            values = np.concatenate([values, np.repeat(values[-1:], size - given, axis=0)])
        scores: Array = self.session.run([self.facts.output], {self.facts.input: values})[0]
        return scores[:given]

    def _logits(self, scores: Array) -> Array:
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
