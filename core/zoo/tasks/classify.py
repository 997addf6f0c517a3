"""classify: one of several classes for an image, a text or a vector.

Target: int, the index of the true class in the dataset's class list.
Prediction: logits, float32 [outputs], unnormalised log-probabilities: of the dataset's classes in order, then of the model's
other classes, which compete too: one that the dataset lacks is a wrong answer. Under `outputs` dataset of its classes alone.
Metrics tell probabilities from logits.
Stored: `logits` list<float32>, `target` int32.
"""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Block, Sample
from zoo.errors import ModelError
from zoo.imaging.images import prepare_image, prepare_images, stack
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.checks import check_floats
from zoo.tasks.classes import OutputSettings, scored_outputs

if TYPE_CHECKING:
    from torch import Tensor


MANY_VECTORS = 16_384
"""Samples of a shard where there are more of them: they are so cheap that more files would cost as much as all the rest."""


class Classifier(Protocol):
    """What a model of this task does; an `nn.Module` in `eval` mode that returns logits satisfies it.

    One that declares `random = True` is called as `model(inputs, seeds)`: all randomness of sample i comes from seeds[i].
    One with a step whose gradient is useless may have `bpda(inputs)`, its logits through a differentiable substitute for it.
    """

    def __call__(self, inputs: Any, /) -> "Tensor":
        """Logits [b, classes of the model], floating point, for a batch.

        `inputs` by modality: image, float32 [b, c, h, w] in [0, 1] (a list of [c, h, w] where sizes differ); text, a
        list of b strings; vector, float32 [b, d].
        """


class Classify(Task):
    """Runs a classifier; its classes are mapped to the dataset's by name, never by position."""

    name: ClassVar[str] = "classify"
    version: ClassVar[int] = 2
    stacks: ClassVar[bool] = True
    settings: ClassVar[type[OutputSettings]] = OutputSettings

    def setup(self) -> None:
        if not self.data.classes:
            raise ModelError(f"{self.data.name} has no classes, so nothing can be classified on it")
        self.outputs = scored_outputs(self.model, self.data, self.how.outputs)

    def shard_of(self, samples: int) -> int:
        many = self.data.modality == "vector" and samples > MANY_VECTORS
        return max(self.shard_size, MANY_VECTORS) if many else self.shard_size

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

    def together(self, block: Block) -> Any:
        targets, classes = np.asarray([operator.index(target) for target in block.targets]), len(self.data.classes or ())
        if not ((targets >= 0) & (targets < classes)).all():
            raise ValueError("a target is not one of the classes")
        return prepare_images(block.inputs, self.model.input) if self.data.modality == "image" else block.inputs

    def predict(self, model: Classifier, batch: Batch) -> "Tensor":
        """Logits float32 [b, outputs]: the dataset's classes in order, then the others that compete."""
        return self.outputs.ordered(
            verify_logits(asked_logits(model, batch.inputs, batch.seeds), batch.ids, self.outputs.count, self.model.name)
        )

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("logits", FLOATS), ("target", pa.int32())])

    def encode(self, predictions: "Tensor", batch: Batch) -> dict[str, pa.Array]:
        return {"logits": to_lists(predictions), "target": pa.array(batch.targets, pa.int32())}

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`logits` float32 [n, outputs], those of the dataset's classes first; `target` int64 [n]."""
        return {
            "logits": from_lists(table["logits"], self.outputs.width),
            "target": table["target"].to_numpy().astype(np.int64),
        }


def asked_logits(model: Any, inputs: Any, seeds: Sequence[int]) -> Any:
    """What a classifier says of a batch; one that declares itself random is told the seed of each sample."""
    return model(inputs, seeds) if getattr(model, "random", False) is True else model(inputs)


def verify_logits(logits: Any, ids: Sequence[str], outputs: int, model: str) -> "Tensor":
    """The logits as float32, if they are a finite floating-point tensor [b, outputs]; else PredictionError naming the samples."""
    single = outputs == 2 and getattr(logits, "shape", None) in ((len(ids),), (len(ids), 1))
    hint = "one logit x for the second class is the two logits [0, x]: return both" if single else ""
    return check_floats(logits, (len(ids), outputs), "logits", ids, model, hint)
