"""attack: an input that a victim gets wrong, within a bound of the clean one.

Input: an image. Target: int, the true class. The victim is the task's `aux["victim"]`, a classifier, bound before the run and
part of its key; images are prepared as it declares, and its classes mapped to the dataset's by name.
Prediction: an adversarial image of the clean one's shape, in [0, 1] and within the protocol's bound, checked on every sample.
Stored: `clean` and `adversarial` logits list<float32> (both computed by the core), `norm` float64 of the perturbation,
`forwards` and `gradients` int32, `masked` bool, `target` int32; `input` list<float32> where the protocol says `save_inputs`.
Of an attack in stages, `stages` list<string> are their names in order, `felled_by` string that of one of them, or empty, and
`overtaken` bool says who fell to a simple stage where one that follows gradients had failed.
An attack is given only samples that the victim gets right; those it gets wrong anyway stay as they are and are stored too.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.imaging.images import prepare_image, stack
from zoo.specs import TaskName
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.attack.contract import Attacker, Threat, ThreatSettings, Victim
from zoo.tasks.attack.verify import TOLERANCE, attack_batch
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.classes import scored_outputs, some

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from zoo.tasks.attack.verify import Outcome


class Attack(Task):
    """Runs an attack on a victim."""

    name: ClassVar[str] = "attack"
    version: ClassVar[int] = 2
    stacks: ClassVar[bool] = True
    shard_size: ClassVar[int] = 256
    needs_grad: ClassVar[bool] = True
    settings: ClassVar[type[ThreatSettings]] = ThreatSettings
    roles: ClassVar[Mapping[str, TaskName]] = {"victim": "classify"}

    def setup(self) -> None:
        self.threat: ThreatSettings = self.how
        self.victim_info = self.aux["victim"]
        if self.data.modality != "image" or self.victim_info.modality not in (None, "image"):
            raise ModelError(
                f"attacks are on images; {self.data.name} is {self.data.modality}, the victim takes {self.victim_info.modality}",
                "choose a victim and a dataset of images: zoo list models --task classify --modality image",
            )
        if not self.data.classes:
            raise ModelError(f"{self.data.name} has no classes, so nothing on it can be attacked")
        self.outputs = scored_outputs(self.victim_info, self.data, self.how.outputs)

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("robust-accuracy", "clean-accuracy", "success-rate", "median-norm", "forwards", "gradients")

    def bind(self, aux_models: Mapping[str, Any]) -> None:
        super().bind(aux_models)
        self.victim = Victim(aux_models["victim"], self.victim_info.name, self.outputs.count, self.outputs.columns)

    def prepare(self, sample: Sample) -> Sample:
        target, classes = operator.index(sample.target), len(self.data.classes or ())
        if not 0 <= target < classes:
            raise ValueError(f"its target {target} is not one of the {classes} classes")
        return Sample(sample.id, prepare_image(sample.input, self.victim_info.input), target)

    def collate(self, samples: Sequence[Sample]) -> "Tensor":
        stacked = stack([sample.input for sample in samples])
        if isinstance(stacked, list):
            ids = [sample.id for sample in samples]
            raise PredictionError(
                f"images of several sizes, as of {some(ids)}, cannot be attacked in one batch",
                f"{self.victim_info.name} declares no input size: pass `batch_size=1`",
                ids,
            )
        return stacked

    def predict(self, model: Attacker, batch: Batch) -> "Outcome":
        """Both logits, norm and counts of every sample."""
        threat = Threat(self.threat.norm, self.threat.eps if getattr(model, "bounded", True) else None)
        return attack_batch(model, self.model.name, self.victim, batch, threat)

    def ask_again(self, model: Attacker, batch: Batch) -> "Tensor":
        """The victim's clean logits alone: an attack asks thousands of times, and its own draws follow from the seeds."""
        return self.victim.verified(batch.inputs, batch.ids)

    def encode_again(self, predictions: "Tensor", batch: Batch) -> dict[str, pa.Array]:
        return {"clean": to_lists(predictions)}

    @property
    def schema(self) -> pa.Schema:
        columns = [
            ("clean", FLOATS),
            ("adversarial", FLOATS),
            ("norm", pa.float64()),
            ("forwards", pa.int32()),
            ("gradients", pa.int32()),
            ("masked", pa.bool_()),
            ("target", pa.int32()),
            ("stages", pa.list_(pa.string())),
            ("felled_by", pa.string()),
            ("overtaken", pa.bool_()),
        ]
        return pa.schema([*columns, *([("input", FLOATS)] if self.threat.save_inputs else [])])

    def encode(self, predictions: "Outcome", batch: Batch) -> dict[str, pa.Array]:
        found = {
            "clean": to_lists(predictions.clean),
            "adversarial": to_lists(predictions.adversarial),
            "norm": pa.array(predictions.norm.numpy()),
            "forwards": pa.array(predictions.forwards.numpy(), pa.int32()),
            "gradients": pa.array(predictions.gradients.numpy(), pa.int32()),
            "masked": pa.array(predictions.masked.numpy()),
            "target": pa.array(batch.targets, pa.int32()),
            "stages": pa.array([predictions.stages.names] * len(batch), pa.list_(pa.string())),
            "felled_by": pa.array(predictions.stages.felled_by, pa.string()),
            "overtaken": pa.array(predictions.stages.overtaken, pa.bool_()),
        }
        return found | ({"input": to_lists(predictions.inputs.flatten(1))} if self.threat.save_inputs else {})

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`within` bool [n] says whether a perturbation keeps to eps, which only that of an unbounded attack may not."""
        width = self.outputs.width
        norm = table["norm"].to_numpy()
        columns = {
            "clean": from_lists(table["clean"], width),
            "adversarial": from_lists(table["adversarial"], width),
            "norm": norm,
            "within": norm <= self.threat.eps * (1 + TOLERANCE),
            "forwards": table["forwards"].to_numpy().astype(np.int64),
            "gradients": table["gradients"].to_numpy().astype(np.int64),
            "masked": table["masked"].to_numpy(zero_copy_only=False).astype(bool),
            "target": table["target"].to_numpy().astype(np.int64),
            "stages": _objects(table["stages"].to_pylist()),
            "felled_by": _objects(table["felled_by"].to_pylist()),
            "overtaken": table["overtaken"].to_numpy(zero_copy_only=False).astype(bool),
        }
        if self.threat.save_inputs:
            columns["input"] = _objects([np.asarray(row, dtype=np.float32) for row in table["input"].to_pylist()])
        return columns

    def draw(self, sample: Sample, columns: Mapping[str, np.ndarray[Any, Any]]) -> "Image":
        """Clean image, change, and adversarial image, side by side; the change about grey, stretched to full contrast."""
        if "input" not in columns:
            raise ValueError("the adversarial inputs are not stored; ask for them by `protocol.save_inputs=true`")
        from PIL import Image

        clean = self.prepare(sample).input.numpy()
        made = columns["input"][0].reshape(clean.shape)
        change = made - clean
        shown = np.concatenate([clean, 0.5 + 0.5 * change / max(1e-12, np.abs(change).max()), made], axis=2)
        pixels = (shown * 255).round().astype(np.uint8)
        return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def _objects(items: list[Any]) -> np.ndarray[Any, Any]:
    """An array of one axis, whatever the items are."""
    found = np.empty(len(items), dtype=object)
    found[:] = items
    return found
