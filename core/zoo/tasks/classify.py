"""classify: one of several classes for an image, a text or a vector.

Target: int, the index of the true class in the dataset's class list.
Prediction: logits, float32 [classes of the dataset], unnormalised log-probabilities. Metrics tell probabilities from them.
Stored: `logits` list<float32>, `target` int32.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.imaging.images import prepare_image, stack
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Task
from zoo.tasks.classes import class_columns, some

if TYPE_CHECKING:
    from torch import Tensor


class Classifier(Protocol):
    """What a model of this task does; an `nn.Module` in `eval` mode that returns logits satisfies it."""

    def __call__(self, inputs: Any, /) -> "Tensor":
        """Logits [b, classes of the model], floating point, for a batch.

        `inputs` by modality: image, float32 [b, c, h, w] in [0, 1] (a list of [c, h, w] where sizes differ); text, a
        list of b strings; vector, float32 [b, d].
        """


class Classify(Task):
    """Runs a classifier; its classes are mapped to the dataset's by name, never by position."""

    name: ClassVar[str] = "classify"
    version: ClassVar[int] = 1

    def __init__(
        self,
        model: ModelInfo,
        data: DataInfo,
        protocol: Mapping[str, Any] | None = None,
        aux: Mapping[str, ModelInfo] | None = None,
    ) -> None:
        super().__init__(model, data, protocol, aux)
        if not data.classes:
            raise ModelError(f"{data.name} has no classes, so nothing can be classified on it")
        self.outputs, self.columns = class_columns(model, data)

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        top5 = ("accuracy:k=5",) if len(data.classes or ()) > 5 else ()
        return ("accuracy", *top5, "f1:average=macro", "nll", "ece:bins=15,norm=l1", "confusion")

    def prepare(self, sample: Sample) -> Sample:
        target, classes = operator.index(sample.target), len(self.data.classes or ())
        if not 0 <= target < classes:
            raise ValueError(f"its target {target} is not one of the {classes} classes")
        image = self.data.modality == "image"
        return Sample(sample.id, prepare_image(sample.input, self.model.input) if image else sample.input, target)

    def collate(self, samples: Sequence[Sample]) -> Any:
        inputs = [sample.input for sample in samples]
        return inputs if self.data.modality == "text" else stack(inputs)

    def predict(self, model: Classifier, batch: Batch) -> "Tensor":
        """Logits float32 [b, classes of the dataset], in the order of the dataset's classes."""
        logits = verify_logits(model(batch.inputs), batch.ids, self.outputs, self.model.name)
        return logits if self.columns is None else logits[:, self.columns]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("logits", pa.list_(pa.float32())), ("target", pa.int32())])

    def encode(self, predictions: "Tensor", batch: Batch) -> dict[str, pa.Array]:
        flat = predictions.cpu().contiguous().numpy()
        offsets = np.arange(0, flat.size + 1, flat.shape[1], dtype=np.int32)
        return {
            "logits": pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1))),
            "target": pa.array(batch.targets, pa.int32()),
        }

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        logits = table["logits"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return {
            "logits": logits.reshape(table.num_rows, len(self.data.classes or ())),
            "target": table["target"].to_numpy().astype(np.int64),
        }


def verify_logits(logits: Any, ids: Sequence[str], outputs: int, model: str) -> "Tensor":
    """The logits as float32, if they are a finite floating-point tensor [b, outputs]; else PredictionError naming the samples."""
    import torch

    if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
        kind = str(logits.dtype) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise PredictionError(f"{model} returned {kind} for {some(ids)}", "expected a floating-point tensor of logits", ids)
    if tuple(logits.shape) != (len(ids), outputs):
        single = outputs == 2 and logits.numel() == len(ids)
        raise PredictionError(
            f"{model} returned logits of shape {list(logits.shape)} for {len(ids)} samples and {outputs} classes",
            "one logit x for the second class is the two logits [0, x]: return both"
            if single
            else f"expected [{len(ids)}, {outputs}]; the batch begins with sample {ids[0]}",
            ids=ids,
        )
    stored: Tensor = logits.float()
    finite = torch.isfinite(stored).all(dim=1)
    if not bool(finite.all()):
        bad = [ids[i] for i in (~finite).nonzero().flatten().tolist()]
        raise PredictionError(f"{model} returned NaN or infinite logits for {len(bad)} samples: {some(bad)}", ids=bad)
    return stored
