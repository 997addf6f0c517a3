"""generate, unconditional or of a class, and judged: images drawn, their features, and what a classifier sees in them.

As `samples`, with another model, `aux["judge"]`, a classifier whose classes are mapped to the dataset's by name. A sample's
condition may be the name of one of these classes, which is then asked of the generator.
Stored beside what `samples` stores: `judged` int32, the class that the judge sees in the drawn image; `judged_real` int32, that
in the real one; both count a class that the dataset lacks as one more than its last; `asked` int32, -1 where no class was asked.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError
from zoo.imaging.images import prepare_image
from zoo.specs import TaskName
from zoo.tasks.base import Batch, DataInfo
from zoo.tasks.classes import scored_outputs
from zoo.tasks.classify import verify_logits
from zoo.tasks.generate.restore import Generator
from zoo.tasks.generate.samples import Array, Drawn, Sampling, uniform

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("judged", "judged_real", "asked")


class Judged(NamedTuple):
    """What is predicted of a batch: images with their features, and int64 [b] each of `CLASSES`."""

    drawn: Drawn
    judged: "Tensor"
    judged_real: "Tensor"
    asked: "Tensor"


class JudgedSampling(Sampling):
    """Runs a `Generator`, takes the features of what it draws, and asks a classifier what it is."""

    version: ClassVar[int] = 1
    roles: ClassVar[Mapping[str, TaskName]] = {"features": "embed", "judge": "classify"}

    def setup(self) -> None:
        super().setup()
        self.judge = self.aux["judge"]
        if not self.data.classes:
            raise ModelError(f"{self.data.name} has no classes, so nothing drawn for it can be judged", "leave the judge out")
        self.outputs = scored_outputs(self.judge, self.data, "all")

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("mode-coverage", "class-shares", *super().default_metrics(data))

    def prepare(self, sample: Sample) -> Sample:
        classes = self.data.classes or ()
        if sample.input is not None and sample.input not in classes:
            raise ValueError(f"its condition {sample.input!r} is none of the classes, {', '.join(classes[:10])}")
        prepared = super().prepare(sample)
        asked = -1 if sample.input is None else classes.index(sample.input)
        inputs = {**prepared.input, "seen": prepare_image(sample.target.image, self.judge.input), "asked": asked}
        return Sample(sample.id, inputs, None)

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        seen = uniform([sample.input["seen"] for sample in samples], [sample.id for sample in samples], self.judge.name)
        return {**super().collate(samples), "seen": seen, "asked": [sample.input["asked"] for sample in samples]}

    def predict(self, model: Generator, batch: Batch) -> Judged:  # type: ignore[override]
        """Images, features and classes, on the CPU."""
        import torch

        drawn, seen = super().predict(model, batch), batch.inputs["seen"]
        shown = uniform([prepare_image(image, self.judge.input) for image in drawn.images], batch.ids, self.judge.name)
        found = (self._classes(shown.to(seen.device), batch.ids), self._classes(seen, batch.ids))
        return Judged(drawn, *found, torch.tensor(batch.inputs["asked"]))

    def _classes(self, images: "Tensor", ids: Sequence[str]) -> "Tensor":
        """The class of the largest logit, int64 [b] on the CPU; one more than the last for any that the dataset lacks."""
        logits = verify_logits(self.aux_models["judge"](images), ids, self.outputs.count, self.judge.name)
        return self.outputs.ordered(logits).argmax(1).clamp(max=len(self.data.classes or ())).cpu()

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*super().schema, *((name, pa.int32()) for name in CLASSES)])

    def encode(self, predictions: Judged, batch: Batch) -> dict[str, pa.Array]:  # type: ignore[override]
        found = {name: pa.array(getattr(predictions, name).numpy(), pa.int32()) for name in CLASSES}
        return super().encode(predictions.drawn, batch) | found

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """What `Sampling` gives; `judged`, `judged_real` and `asked` int64 [n]; `judge` str [n], the classifier's name."""
        found = {name: table[name].to_numpy().astype(np.int64) for name in CLASSES}
        return super().decode(table) | found | {"judge": np.full(table.num_rows, self.judge.name)}
