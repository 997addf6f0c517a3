"""attack: an input that a victim gets wrong, within a bound of the clean one.

Input: an image, a vector or a text. Target: int, the true class. The victim is the task's `aux["victim"]`, a classifier, bound
before the run and part of its key; images are prepared as it declares, and its classes mapped to the dataset's by name. With
`aux["surrogate"]`, another classifier of the same classes, the attack is made on that one, and scored on the victim.
Prediction: an adversarial input of the clean one's kind and range, within the protocol's bound, checked on every sample.
Stored: `clean` and `adversarial` logits list<float32> (both computed by the core), `norm` float64 of the perturbation,
`forwards` and `gradients` int32, `masked` bool, `target` int32; `input` list<float32>, of texts a string, where the
protocol says `save_inputs`. Of an attack in stages, `stages` list<string> are their names in order, `felled_by` string that of
one of them, or empty, and `overtaken` bool says who fell to a simple stage where one that follows gradients had failed.
A benchmark whose protocol says `kind: certify` is `certify.Certify`.
An attack is given only samples that the victim gets right; those it gets wrong anyway stay as they are and are stored too.
"""

import operator
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.imaging.images import prepare_image, stack
from zoo.lazy import load_target
from zoo.remarks import remark
from zoo.specs import CERTIFY, Modality, TaskName
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.attack.contract import Attacker, AttackSettings, Threat, ThreatSettings
from zoo.tasks.attack.spaces import TOLERANCE, Numbers, Space, check_length
from zoo.tasks.attack.surrogate import check_shape, check_surrogate
from zoo.tasks.attack.verify import attack_batch
from zoo.tasks.attack.victim import Victim
from zoo.tasks.base import Batch, DataInfo, ModelInfo, Task
from zoo.tasks.classes import scored_outputs, some

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from zoo.tasks.attack.verify import Outcome

CERTIFIES = "zoo.tasks.attack.certify:Certify"
OTHER_INPUTS = {"vector": "zoo.tasks.attack.other_inputs:VectorAttack", "text": "zoo.tasks.attack.other_inputs:TextAttack"}


class Attack(Task):
    """Runs an attack on a victim; this class itself on a classifier of images."""

    name: ClassVar[str] = "attack"
    version: ClassVar[int] = 3
    stacks: ClassVar[bool] = True
    shard_size: ClassVar[int] = 256
    needs_grad: ClassVar[bool] = True
    settings: ClassVar[type[AttackSettings]] = ThreatSettings
    roles: ClassVar[Mapping[str, TaskName]] = {"victim": "classify"}
    optional_roles: ClassVar[Mapping[str, TaskName]] = {"surrogate": "classify"}
    modality: ClassVar[Modality] = "image"
    space: ClassVar[Space] = Numbers()

    def setup(self) -> None:
        self.victim_info, self.surrogate_info = self.aux["victim"], self.aux.get("surrogate")
        for info in filter(None, (self.victim_info, self.surrogate_info)):
            if info.modality not in (None, self.modality):
                raise ModelError(
                    f"{info.name} takes {info.modality}, but {self.data.name} is {self.data.modality}",
                    f"choose one that does: zoo list models --task classify --modality {self.modality}",
                )
        if not self.data.classes:
            raise ModelError(f"{self.data.name} has no classes, so nothing on it can be attacked")
        self.outputs = scored_outputs(self.victim_info, self.data, self.how.outputs)
        if self.surrogate_info is not None:
            check_surrogate(self.surrogate_info, self.victim_info, self.data, self.how.outputs)
        self.threat = self.allowed()
        if (want := self.victim_info.input) is not None and want.size and want.channels:
            self.check_eps((want.channels, *want.size))

    def allowed(self) -> Threat:
        """What the protocol lets an attacker do. Raises OptionError where that makes no sense."""
        threat = Threat(self.how.norm, self.how.eps)
        if threat.norm == "linf":  # whose largest value hangs on no shape
            check_length("protocol.eps", self.how.eps, "linf", threat, ())
        return threat

    def check_eps(self, shape: Sequence[int]) -> None:
        """Raise OptionError where eps is more than any two inputs of a shape are apart."""
        check_length("protocol.eps", self.threat.eps or 0.0, self.threat.norm, self.threat, shape)

    @classmethod
    def suited(cls, modality: Modality, protocol: Mapping[str, Any], aux: Collection[str]) -> type[Task]:
        target = CERTIFIES if protocol.get("kind") == CERTIFY else OTHER_INPUTS.get(modality)
        found: type[Task] = load_target(target) if target else Attack
        return found

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("robust-accuracy", "clean-accuracy", "success-rate", "median-norm", "forwards", "gradients")

    def bind(self, aux_models: Mapping[str, Any]) -> None:
        super().bind(aux_models)
        self.victim = self._victim(aux_models["victim"], self.victim_info)
        self.shown = self.victim
        if self.surrogate_info is not None:
            self.shown = self._victim(aux_models["surrogate"], self.surrogate_info, transfer=True)
        for said in self.shown.declared():
            remark(said)
        self._met = False

    def _victim(self, model: Any, info: ModelInfo, *, transfer: bool = False) -> Victim:
        outputs = scored_outputs(info, self.data, self.how.outputs)
        how = {"eot": self.how.eot, "bpda": self.how.bpda, "transfer": transfer, "flat": self.modality == "vector"}
        return Victim(model, info.name, outputs.count, outputs.columns, **how)

    def prepare(self, sample: Sample) -> Sample:
        target, classes = operator.index(sample.target), len(self.data.classes or ())
        if not 0 <= target < classes:
            raise ValueError(f"its target {target} is not one of the {classes} classes")
        return Sample(sample.id, self.prepared(sample.input), target)

    def prepared(self, value: Any) -> Any:
        """One input, ready for the victim. Raises where it is corrupt."""
        return prepare_image(value, self.victim_info.input)

    def collate(self, samples: Sequence[Sample]) -> Any:
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
        if not callable(model) and hasattr(model, CERTIFY):
            raise ModelError(
                f"{self.model.name} certifies, which bounds robust accuracy from below; here it is attacked, from above",
                "take a benchmark that certifies, or a dataset by name; zoo list benchmarks --task attack",
            )
        self._meet(batch)
        eps = self.threat.eps if getattr(model, "bounded", True) else None
        threat = Threat(self.threat.norm, eps, self.threat.low, self.threat.high)
        return attack_batch(model, self.model.name, self.victim, batch, threat, self.shown, self.space)

    def _meet(self, batch: Batch) -> None:
        """Before the first attack: whether eps and surrogate fit such inputs, and whether who is attacked is random, unsaid."""
        if self._met:
            return
        if hasattr(batch.inputs, "shape"):
            self.check_eps(batch.inputs.shape[1:])
            if self.surrogate_info is not None and self.surrogate_info.input is not None:
                check_shape(self.surrogate_info, self.victim_info, batch.inputs.shape[1:])
        first, again = (self.shown.verified(batch.inputs, batch.ids, batch.seeds) for _ in range(2))
        if self.shown.found_random(first, again):
            remark(
                f"{self.shown.name} answers the same question in two ways, so attacks see it averaged over {self.shown.draws} "
                "draws, and the score is not reproducible: let it declare `random = True` and draw from the seeds it is given"
            )
        self._met = True

    def ask_again(self, model: Attacker, batch: Batch) -> "Tensor":
        """The victim's clean logits alone: an attack asks thousands of times, and its own draws follow from the seeds."""
        return self.victim.verified(batch.inputs, batch.ids, batch.seeds)

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
        stored = pa.string() if self.modality == "text" else FLOATS
        return pa.schema([*columns, *([("input", stored)] if self.how.save_inputs else [])])

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
        if self.how.save_inputs:
            made: Any = predictions.inputs
            found["input"] = pa.array(made, pa.string()) if self.modality == "text" else to_lists(made.flatten(1))
        return found

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`within` bool [n] says whether a perturbation keeps to eps, which only that of an unbounded attack may not."""
        width = self.outputs.width
        norm = table["norm"].to_numpy()
        columns = {
            "clean": from_lists(table["clean"], width),
            "adversarial": from_lists(table["adversarial"], width),
            "norm": norm,
            "within": norm <= (self.threat.eps or 0.0) * (1 + TOLERANCE),
            "forwards": table["forwards"].to_numpy().astype(np.int64),
            "gradients": table["gradients"].to_numpy().astype(np.int64),
            "masked": table["masked"].to_numpy(zero_copy_only=False).astype(bool),
            "target": table["target"].to_numpy().astype(np.int64),
            "stages": _objects(table["stages"].to_pylist()),
            "felled_by": _objects(table["felled_by"].to_pylist()),
            "overtaken": table["overtaken"].to_numpy(zero_copy_only=False).astype(bool),
        }
        if self.how.save_inputs:
            rows = table["input"].to_pylist()
            columns["input"] = _objects(rows if self.modality == "text" else [np.asarray(row, dtype=np.float32) for row in rows])
        return columns

    def draw(self, sample: Sample, columns: Mapping[str, np.ndarray[Any, Any]]) -> "Image | None":
        """Clean image, change, and adversarial image, side by side; the change about grey, stretched to full contrast."""
        if self.modality != "image":
            return None
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
