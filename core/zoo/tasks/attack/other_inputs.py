"""attack, of what is no image: vectors, whose units nobody else knows, and texts, whose changes are counted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from zoo.data.dataset import Sample
from zoo.errors import OptionError
from zoo.remarks import remark
from zoo.specs import Modality
from zoo.tasks.attack.contract import AttackSettings, TextThreatSettings, Threat, VectorThreatSettings
from zoo.tasks.attack.spaces import Space, Texts
from zoo.tasks.attack.task import Attack


class VectorAttack(Attack):
    """Of vectors, which an attack of images is given as images [b, 1, 1, d]. eps is in their units, which nobody else knows."""

    settings: ClassVar[type[AttackSettings]] = VectorThreatSettings
    modality: ClassVar[Modality] = "vector"
    also_takes: ClassVar[tuple[Modality, ...]] = ("image",)

    def allowed(self) -> Threat:
        how = self.how
        if how.eps is None:
            raise OptionError(
                f"{self.data.name} holds vectors, whose units nobody but you knows, so `protocol.eps` has no default",
                "say how far a vector may be moved: `protocol.eps=0.5`; `protocol.low` and `protocol.high` bound its components",
            )
        low, high = -math.inf if how.low is None else how.low, math.inf if how.high is None else how.high
        if low >= high:
            raise OptionError(
                f"`protocol.low` {low:g} is not below `protocol.high` {high:g}", "give the range that components may take"
            )
        return Threat(how.norm, how.eps, low, high)

    def prepared(self, value: Any) -> Any:
        import torch

        vector = torch.as_tensor(value).float()
        if vector.ndim != 1:
            raise ValueError(f"it is of shape {list(vector.shape)}, and no vector")
        if bool((vector < self.threat.low).any() or (vector > self.threat.high).any()):
            raise ValueError(f"it leaves the range [{self.threat.low:g}, {self.threat.high:g}] that the protocol says")
        return vector.view(1, 1, -1)

    def bind(self, aux_models: Mapping[str, Any]) -> None:
        super().bind(aux_models)
        bounds = "no range" if math.isinf(self.threat.high - self.threat.low) else f"[{self.threat.low:g}, {self.threat.high:g}]"
        remark(
            f"eps {self.threat.eps:g} ({self.threat.norm}) is in the units of the vectors of {self.data.name}; kept to {bounds}"
        )


class TextAttack(Attack):
    """Of texts: the core counts by how many characters, or words, the clean text and the adversarial one differ."""

    settings: ClassVar[type[AttackSettings]] = TextThreatSettings
    modality: ClassVar[Modality] = "text"
    needs_grad: ClassVar[bool] = False
    space: ClassVar[Space] = Texts()

    def prepared(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"it is {type(value).__name__}, and no text")
        return value

    def collate(self, samples: Sequence[Sample]) -> Any:
        return [sample.input for sample in samples]

    def allowed(self) -> Threat:
        return Threat(self.how.norm, self.how.eps)
