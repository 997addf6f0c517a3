"""embed: one vector for an image, a text or a vector; vectors are compared by the cosine of their angle.

Target: `Place` of a sample in retrieval, verification or one-shot episodes, which differ in nothing else; an int, the label
of a classification dataset, is a place that is both query and gallery.
Prediction: a vector, float32 [d], finite, of any length: unit norm is not assumed.
Stored: `vector` list<float32>, `label` int32, `role` and `episode` string. Retrieval is a corpus metric: its state gathers
rows and is merged in id order.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.imaging.images import prepare_image, stack
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.checks import check_floats

if TYPE_CHECKING:
    from torch import Tensor

Role = Literal["query", "gallery", "both"]


@dataclass(frozen=True)
class Place:
    """`label` of the sample, whether it is asked with, asked for, or both, and in which episode ("" where there is one).

    A query meets the gallery of its own episode only, and never itself.
    """

    label: int
    role: Role = "both"
    episode: str = ""


class Embedder(Protocol):
    """What a model of this task does; an `nn.Module` in `eval` mode that returns vectors satisfies it."""

    def __call__(self, inputs: Any, /) -> "Tensor":
        """Vectors [b, d], floating point, d the same for every batch.

        `inputs` by modality: image, float32 [b, c, h, w] in [0, 1] (a list of [c, h, w] where sizes differ); text, a
        list of b strings; vector, float32 [b, d'].
        """


class Embed(Task):
    """Runs an embedder. Its classes, where it has some, do not matter."""

    name: ClassVar[str] = "embed"
    version: ClassVar[int] = 1
    stacks: ClassVar[bool] = True

    def setup(self) -> None:
        self.width: int | None = None
        """d, once a batch has shown it."""

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        retrieval = ("recall-at-k:k=1", "recall-at-k:k=5", "map-at-r", "knn-accuracy:k=5", "nmi")
        return (*retrieval, "roc-auc", "eer", "tar-at-far:far=0.01")

    def prepare(self, sample: Sample) -> Sample:
        value = sample.input
        if self.data.modality == "image":
            value = prepare_image(value, self.model.input)
        elif self.data.modality == "text" and not isinstance(value, str):
            raise ValueError(f"a text must be a str, not {type(value).__name__}")
        return Sample(sample.id, value, as_place(sample.target))

    def collate(self, samples: Sequence[Sample]) -> Any:
        inputs = [sample.input for sample in samples]
        return inputs if self.data.modality == "text" else stack(inputs)

    def predict(self, model: Embedder, batch: Batch) -> "Tensor":
        """Vectors float32 [b, d], verified."""
        vectors = verify_vectors(model(batch.inputs), batch.ids, self.width, self.model.name)
        self.width = vectors.shape[1]
        return vectors

    @property
    def schema(self) -> pa.Schema:
        fields = [("vector", FLOATS), ("label", pa.int32()), ("role", pa.string()), ("episode", pa.string())]
        return pa.schema(fields)

    def encode(self, predictions: "Tensor", batch: Batch) -> dict[str, pa.Array]:
        places = [as_place(target) for target in batch.targets]
        return {
            "vector": to_lists(predictions),
            "label": pa.array([place.label for place in places], pa.int32()),
            "role": pa.array([place.role for place in places], pa.string()),
            "episode": pa.array([place.episode for place in places], pa.string()),
        }

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`vector` float32 [n, d] (d is 0 where there are no rows), `label` int64 [n], `role` and `episode` str [n]."""
        return {
            "vector": from_lists(table["vector"]),
            "label": table["label"].to_numpy().astype(np.int64),
            "role": np.array(table["role"].to_pylist(), dtype=str),
            "episode": np.array(table["episode"].to_pylist(), dtype=str),
        }


def as_place(target: Any) -> Place:
    """The place that a target says. Raises TypeError or ValueError where it is neither a place nor a label."""
    place = target if isinstance(target, Place) else Place(operator.index(target))
    if place.role not in get_args(Role):
        raise ValueError(f"its role {place.role!r} is none of {', '.join(get_args(Role))}")
    if not 0 <= place.label < 2**31:
        raise ValueError(f"its label {place.label} is not in [0, 2^31)")
    return place


def verify_vectors(vectors: Any, ids: Sequence[str], width: int | None, model: str) -> "Tensor":
    """The vectors as float32, if they are a finite floating-point tensor [b, width]; else PredictionError naming the samples.

    `width` None takes any width of at least 1.
    """
    return check_floats(vectors, (len(ids), width or "d"), "vectors", ids, model)
