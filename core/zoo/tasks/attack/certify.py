"""attack, certified: for each sample a radius below which no attack exists, so that robust accuracy is bounded from below.

Input, target and victim are those of an attacking benchmark; the protocol says `kind: certify`, and its model has `certify`.
Prediction: a radius for every sample, those that the victim gets wrong included, and the class that holds within it.
Stored: `clean` logits list<float32> (computed by the core), `predicted` int32 (-1 abstains), `radius` and `limit` float64,
`target` int32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import Field

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.seeds import seeds_alone
from zoo.specs import TaskName
from zoo.tasks.arrow import FLOATS, from_lists, to_lists
from zoo.tasks.attack.contract import BallSettings, Threat
from zoo.tasks.attack.spaces import UNSCORED
from zoo.tasks.attack.task import Attack
from zoo.tasks.attack.verify import margins
from zoo.tasks.attack.victim import Victim
from zoo.tasks.base import Batch, DataInfo, ModelInfo
from zoo.tasks.checks import refuse_where
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class CertifySettings(BallSettings):
    """What a protocol of this kind says: the threat model at which certified accuracy is told first."""

    kind: Annotated[Literal["certify"], Field(description="The model certifies: a lower bound of robust accuracy.")] = "certify"


@dataclass(frozen=True)
class Certified:
    """Per sample a radius, floating point [b] ≥ 0, `inf` allowed: no input within it changes the answer.

    Without `predicted` it speaks of the victim and of its label, and is 0 where nothing is proved or the victim is wrong.
    `predicted`, int64 [b], is the answer of a classifier that is made of the victim, such as the one smoothed by noise: the
    radius is then that of this answer, right or wrong; -1 abstains, with a radius of 0.
    `limit` is the largest radius that was looked at: who decides at eps alone says radius eps or 0, and limit eps.
    """

    radius: "Tensor"
    predicted: "Tensor | None" = None
    limit: float = float("inf")


class Certifier(Protocol):
    """What a model of this kind does."""

    def certify(self, victim: Victim, inputs: "Tensor", labels: "Tensor", threat: Threat, seeds: Sequence[int], /) -> Certified:
        """Radii in `threat.norm` for images float32 [b, c, h, w] in [0, 1], those that the victim gets wrong included.

        `labels` int64 [b]; `threat.eps` is where certified accuracy is told first. A perturbed image has pixels in [0, 1], and
        a norm that may exceed the radius by a relative 1e-5, as of an attack. All randomness of sample i comes from seeds[i].
        """


@dataclass(frozen=True)
class Proved:
    """What is certified of each sample, on the CPU: logits float32 [b, C], classes int64 [b], radii and limits float64 [b]."""

    clean: "Tensor"
    predicted: "Tensor"
    radius: "Tensor"
    limit: "Tensor"


class Certify(Attack):
    """Runs a certifier on a victim."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[CertifySettings]] = CertifySettings  # type: ignore[assignment]
    roles: ClassVar[Mapping[str, TaskName]] = {"victim": "classify"}
    optional_roles: ClassVar[Mapping[str, TaskName]] = {}

    def _victim(self, model: Any, info: ModelInfo, *, transfer: bool = False) -> Victim:
        return Victim(model, info.name, self.outputs.count, self.outputs.columns)

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("certified-accuracy", "clean-accuracy", "mean-radius", "abstention-rate")

    def predict(self, model: Certifier, batch: Batch) -> Proved:  # type: ignore[override]
        """Clean logits, predicted class, radius and limit of every sample."""
        if not callable(getattr(model, "certify", None)):
            raise ModelError(
                f"{self.model.name} attacks, which bounds robust accuracy from above; here it is certified, from below",
                "take a model that has certify(victim, inputs, labels, threat, seeds), or a benchmark that attacks",
            )
        return certify_batch(model, self.model.name, self.victim, batch, Threat(self.how.norm, self.how.eps))

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(
            [
                ("clean", FLOATS),
                ("predicted", pa.int32()),
                ("radius", pa.float64()),
                ("limit", pa.float64()),
                ("target", pa.int32()),
            ]
        )

    def encode(self, predictions: Proved, batch: Batch) -> dict[str, pa.Array]:  # type: ignore[override]
        return {
            "clean": to_lists(predictions.clean),
            "predicted": pa.array(predictions.predicted.numpy(), pa.int32()),
            "radius": pa.array(predictions.radius.numpy()),
            "limit": pa.array(predictions.limit.numpy()),
            "target": pa.array(batch.targets, pa.int32()),
        }

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`eps` float64 [n] is the protocol's, the same for all."""
        return {
            "clean": from_lists(table["clean"], self.outputs.width),
            "predicted": table["predicted"].to_numpy().astype(np.int64),
            "radius": table["radius"].to_numpy(),
            "limit": table["limit"].to_numpy(),
            "target": table["target"].to_numpy().astype(np.int64),
            "eps": np.full(table.num_rows, self.how.eps, dtype=np.float64),
        }

    def draw(self, sample: Sample, columns: Mapping[str, np.ndarray[Any, Any]]) -> "Image | None":
        return None  # there is nothing to see of a radius


def certify_batch(model: Certifier, name: str, victim: Victim, batch: Batch, threat: Threat) -> Proved:
    """Certify all samples, and check what can be known of it. Raises PredictionError naming the samples of a violation."""
    import torch

    images = batch.inputs
    labels = torch.as_tensor(batch.targets, dtype=torch.int64, device=images.device)
    clean = victim.verified(images, batch.ids, batch.seeds)
    with seeds_alone(name):
        found = model.certify(victim, images, labels, threat, batch.seeds)
    if not isinstance(getattr(found, "radius", None), torch.Tensor) or not hasattr(found, "limit"):
        raise PredictionError(
            f"{name} returned {type(found).__name__} for {some(batch.ids)}",
            "return zoo.tasks.Certified(radius), the radius a floating-point tensor with a number for each sample",
            batch.ids,
        )
    limit = float(found.limit)
    radius = _verified_radii(found.radius, limit, batch.ids, name)
    own = clean.argmax(1)
    own = torch.where(margins(clean, own) > 0, own, -1).cpu()
    if found.predicted is None:
        what = f"{name} certifies a radius above 0 where the victim is wrong on the clean input itself,"
        refuse_where((radius > 0) & (own != labels.cpu()), batch.ids, what, UNSCORED)
    predicted = own if found.predicted is None else _verified_classes(found.predicted, clean.shape[1], radius, batch.ids, name)
    return Proved(clean.cpu(), predicted, radius, torch.full_like(radius, limit))


def _verified_radii(radius: "Tensor", limit: float, ids: Sequence[str], name: str) -> "Tensor":
    """The radii as float64 on the CPU, if they are one for each sample, from 0 to the limit."""
    import torch

    if not radius.is_floating_point() or radius.shape != (len(ids),):
        what = f"{name} returned radii {radius.dtype} of shape {list(radius.shape)} for {len(ids)} samples"
        raise PredictionError(what, f"expected floating point [{len(ids)}], 0 where nothing is certified", ids)
    if not limit >= 0:
        raise PredictionError(f"{name} says that it looked at radii up to {limit:g}", "limit is 0 or more, inf without one", ids)
    radius = radius.detach().double().cpu()
    refuse_where(torch.isnan(radius), ids, f"{name} returned a radius that is NaN", UNSCORED)
    refuse_where(radius < 0, ids, f"{name} returned a negative radius", UNSCORED)
    refuse_where(radius > limit, ids, f"{name} returned a radius above {limit:g}, up to which it says it looked,", UNSCORED)
    return radius


def _verified_classes(predicted: Any, outputs: int, radius: "Tensor", ids: Sequence[str], name: str) -> "Tensor":
    """The classes as int64 on the CPU, if they are one of the outputs for each sample, or -1 without a radius."""
    import torch

    kind = predicted if isinstance(predicted, torch.Tensor) else torch.zeros(0)
    if kind.shape != (len(ids),) or kind.dtype not in (torch.int64, torch.int32):
        what = f"{name} returned no class for each of {len(ids)} samples"
        raise PredictionError(what, "Certified.predicted is int64, one for each sample; -1 abstains", ids)
    classes = kind.detach().long().cpu()
    refuse_where((classes < -1) | (classes >= outputs), ids, f"{name} predicted what is none of {outputs} classes", UNSCORED)
    refuse_where((classes == -1) & (radius > 0), ids, f"{name} abstains and certifies a radius at once", UNSCORED)
    return classes
