"""What an attacker is given and may do: the threat model, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field

from zoo.tasks.attack.victim import Victim
from zoo.tasks.classes import OutputSettings

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["linf", "l2", "edits", "words"]
"""Of a perturbation. Of numbers: linf, the largest change of one, and l2, Euclidean. Of texts: the fewest insertions, deletions
and substitutions that make the one of the other (Levenshtein 1966), of characters (edits) or of words between blanks (words)."""


def exact_ratio(value: Any) -> Any:
    """A number as it is; a text such as `8/255` or `0.3` as the float nearest to it. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return float(Fraction(value.replace(" ", "")))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("must be a number, or a fraction such as 8/255") from None


Ratio = Annotated[float, BeforeValidator(exact_ratio), Field(allow_inf_nan=False)]
"""A finite number that may be written as a fraction: `8/255`."""


class AttackSettings(OutputSettings):
    """What a protocol of this task says whatever the inputs are."""

    save_inputs: Annotated[bool, Field(description="Store the adversarial inputs, too.")] = False
    eot: Annotated[
        int | None,
        Field(ge=1, description="Draws of a random victim over which an attack sees logits and gradients averaged. Default: 20."),
    ] = None
    bpda: Annotated[
        bool, Field(description="Whether gradients go through the substitute that a victim declares for a step without any.")
    ] = True


class ThreatSettings(AttackSettings):
    """The threat model of images, which outputs of the victim compete, and what is stored."""

    norm: Annotated[
        Literal["linf", "l2"], Field(description="Of the perturbation: linf (largest pixel change) or l2 (Euclidean).")
    ] = "linf"
    eps: Annotated[Ratio, Field(ge=0, description="Largest norm, for pixels in [0, 1]: 8/255.")] = 8 / 255


class VectorThreatSettings(AttackSettings):
    """Of vectors: eps is in their own units, and there is no range unless one is given."""

    norm: Annotated[Literal["linf", "l2"], Field(description="linf (largest change of a component) or l2 (Euclidean).")] = "linf"
    eps: Annotated[Ratio | None, Field(ge=0, description="Largest norm, in the units of the vectors.")] = None
    low: Annotated[Ratio | None, Field(description="Smallest value that a component may take. Default: any.")] = None
    high: Annotated[Ratio | None, Field(description="Largest value that a component may take. Default: any.")] = None


class TextThreatSettings(AttackSettings):
    """Of texts: how many characters or words may change."""

    norm: Annotated[
        Literal["edits", "words"],
        Field(description="What is counted: edits of single characters, or changed words (Levenshtein distance of either)."),
    ] = "edits"
    eps: Annotated[int, Field(ge=0, description="How many of them at most.")] = 2


@dataclass(frozen=True)
class Threat:
    """What the attacker may do: stay within `eps` of the clean input in `norm`, and of numbers in [low, high].

    `eps` None: no bound of its own.
    """

    norm: Norm
    eps: float | None
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Attacked:
    """Adversarial inputs [b, ...] and, per sample, the evaluations of the victim and of gradients that they took.

    Of texts `inputs` is a list of str. `masked` says which samples show a sign of gradient masking, such as a gradient that is
    zero everywhere.
    """

    inputs: "Tensor | Sequence[str]"
    forwards: "Sequence[int] | Tensor"
    gradients: "Sequence[int] | Tensor"
    masked: "Sequence[bool] | Tensor | None" = None


class Attacker(Protocol):
    """What a model of this task does. An attribute `bounded = False` says that it keeps to no eps, as DeepFool does.

    Such an attack is given `eps` None, and where its perturbation is larger than the protocol's eps, the sample holds.
    `iterative` says whether it follows gradients over many steps (False: over one or none), so that signs of masking can be told.
    """

    def __call__(self, victim: Victim, inputs: "Tensor", labels: "Tensor", threat: Threat, seeds: Sequence[int], /) -> Attacked:
        """Adversarial inputs for clean ones float32 [b, c, h, w] in [threat.low, threat.high], which for images is [0, 1].

        Vectors come as [b, 1, 1, d], so that what attacks images attacks them, too; of modality text, inputs are a list of str.
        `victim(inputs)` gives logits float32 [b, outputs], those of the dataset's classes first, and gradients to its inputs,
        in `eval` mode and normalising inside; `labels` int64 [b]. The victim gets all inputs right, unless `victim.transfer`:
        then it is a surrogate, and nothing tells when the true victim falls, so an attack goes on to the end.
        All randomness of sample i comes from seeds[i].
        """
