"""What an attacker is given and may do: the threat model, the victim, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field

from zoo.errors import ModelError
from zoo.tasks.classes import Outputs, OutputSettings
from zoo.tasks.classify import verify_logits

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["linf", "l2"]


def exact_ratio(value: Any) -> Any:
    """A number as it is; a text such as `8/255` or `0.3` as the float nearest to it. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return float(Fraction(value.replace(" ", "")))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("must be a number, or a fraction such as 8/255") from None


Ratio = Annotated[float, BeforeValidator(exact_ratio)]
"""A number that may be written as a fraction: `8/255`."""


class ThreatSettings(OutputSettings):
    """What a protocol of this task says: the threat model, which outputs of the victim compete, and what is stored."""

    norm: Annotated[Norm, Field(description="Of the perturbation: linf (largest pixel change) or l2 (Euclidean).")] = "linf"
    eps: Annotated[Ratio, Field(ge=0, allow_inf_nan=False, description="Largest norm, for pixels in [0, 1]: 8/255.")] = 8 / 255
    save_inputs: Annotated[bool, Field(description="Store the adversarial inputs, too.")] = False


@dataclass(frozen=True)
class Threat:
    """What the attacker may do: stay within `eps` of the clean input in `norm`. `eps` None: no bound of its own."""

    norm: Norm
    eps: float | None


@dataclass(frozen=True)
class Attacked:
    """Adversarial inputs [b, ...] and, per sample, the evaluations of the victim and of gradients that they took.

    `masked` says which samples show a sign of gradient masking, such as a gradient that is zero everywhere.
    An attack in stages names them in order; `felled_by` says which of them felled a sample, from 0, and -1 of those that stand.
    `overtaken` says which fell to a simple stage, such as a random search, after one that follows gradients had failed.
    """

    inputs: "Tensor"
    forwards: "Sequence[int] | Tensor"
    gradients: "Sequence[int] | Tensor"
    masked: "Sequence[bool] | Tensor | None" = None
    stages: tuple[str, ...] = ()
    felled_by: "Sequence[int] | Tensor | None" = None
    overtaken: "Sequence[bool] | Tensor | None" = None


class Victim:
    """A classifier as an attack sees it: frozen, and its logits in the dataset's order of classes, others after them."""

    def __init__(self, model: Any, name: str, outputs: int, columns: Sequence[int] | None) -> None:
        self.model, self.name = model, name
        self.outputs = Outputs(outputs, outputs if columns is None else len(columns), columns)
        self.evaluated = 0
        """Inputs that an attack has put before it."""
        if hasattr(model, "requires_grad_"):
            model.requires_grad_(False)  # gradients go to the input alone, which spares a third of the backward pass

    def __call__(self, inputs: "Tensor") -> "Tensor":
        """Logits float32 [b, outputs]. Raises ModelError where gradients are wanted and there are none."""
        import torch

        wanted = inputs.requires_grad and torch.is_grad_enabled()
        self.evaluated += len(inputs)
        try:
            logits = self.model(inputs)
        except RuntimeError as error:
            if wanted and "requires grad" in str(error):
                raise self._without_gradients() from error
            raise
        if wanted and not logits.requires_grad:
            raise self._without_gradients()
        return self.outputs.ordered(logits.float())

    def verified(self, inputs: "Tensor", ids: Sequence[str]) -> "Tensor":
        """The same without gradients, if they are logits at all. Raises PredictionError naming the samples."""
        import torch

        with torch.no_grad():
            return self.outputs.ordered(verify_logits(self.model(inputs), ids, self.outputs.count, self.name))

    def _without_gradients(self) -> ModelError:
        return ModelError(
            f"{self.name} gives no gradients of its logits to its input, which this attack needs",
            "take an attack that needs none, such as robust/square or robust/uniform-noise",
        )


class Attacker(Protocol):
    """What a model of this task does. An attribute `bounded = False` says that it keeps to no eps, as DeepFool does.

    Such an attack is given `eps` None, and where its perturbation is larger than the protocol's eps, the sample holds.
    """

    def __call__(self, victim: Victim, inputs: "Tensor", labels: "Tensor", threat: Threat, seeds: Sequence[int], /) -> Attacked:
        """Adversarial inputs for clean ones float32 [b, c, h, w] in [0, 1], all of which the victim gets right.

        `victim(inputs)` gives logits float32 [b, outputs], those of the dataset's classes first, and gradients to its inputs,
        in `eval` mode and normalising inside; `labels` int64 [b]. All randomness of sample i comes from seeds[i].
        """
