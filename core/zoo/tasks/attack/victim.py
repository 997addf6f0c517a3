"""The victim as an attack sees it: a frozen classifier, averaged over its draws, and followed through its substitutes.

What a classifier may declare of itself, beside its `__call__`:
- `random = True`: it is called as `model(inputs, seeds)`, and all randomness of sample i comes from seeds[i]. An attack then sees
  the mean of its logits, and so of their gradients, over `eot` draws: expectation over transformation, Athalye, Engstrom, Ilyas &
  Kwok 2018, arXiv:1707.07397.
- `bpda(inputs)`: its logits again, through a differentiable substitute for each step that has no useful gradient. Values are
  those of `__call__`, gradients those of `bpda`: backward pass differentiable approximation, Athalye, Carlini & Wagner 2018,
  arXiv:1802.00420, section 4.1.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError
from zoo.seeds import sample_seed, seeded
from zoo.tasks.classes import Outputs
from zoo.tasks.classify import asked_logits, verify_logits
from zoo.tasks.comparing import apart

if TYPE_CHECKING:
    from torch import Tensor

DRAWS = 20
"""Of a random victim, as AutoAttack's variant `rand` has it (Croce & Hein 2020)."""
ROUNDING = 1e-3
"""Share of the largest logit by which two answers to one question may differ without a draw."""


class Victim:
    """A classifier as an attack sees it: frozen, and its logits in the dataset's order of classes, others after them."""

    def __init__(
        self,
        model: Any,
        name: str,
        outputs: int,
        columns: Sequence[int] | None,
        *,
        eot: int | None = None,
        bpda: bool = True,
        transfer: bool = False,
        flat: bool = False,
    ) -> None:
        """`eot` draws of a random victim, `bpda` whether its substitute is followed, `flat` whether the model takes vectors."""
        self.model, self.name, self.transfer = model, name, transfer
        self.outputs = Outputs(outputs, outputs if columns is None else len(columns), columns)
        self.evaluated = 0
        """Inputs that an attack has put before it."""
        self.draws = 1
        """Evaluations of the model that one input costs."""
        self._eot, self._flat = eot or DRAWS, flat
        self._substitute = getattr(model, "bpda", None) if bpda else None
        self._unseeded = False
        if getattr(model, "random", False) is True:
            self.draws = self._eot
        if hasattr(model, "requires_grad_"):
            model.requires_grad_(False)  # gradients go to the input alone, which spares a third of the backward pass

    def __call__(self, inputs: "Tensor | Sequence[str]") -> "Tensor":
        """Logits float32 [b, outputs], the mean over draws. Raises ModelError where gradients are wanted and there are none."""
        import torch

        wanted = isinstance(inputs, torch.Tensor) and inputs.requires_grad and torch.is_grad_enabled()
        self.evaluated += len(inputs)
        if self.draws == 1:
            return self.outputs.ordered(self._asked(inputs, wanted).float())
        drawn = [self._asked(inputs, wanted, draw).float() for draw in range(self.draws)]
        return self.outputs.ordered(torch.stack(drawn).mean(0))

    def verified(self, inputs: "Tensor | Sequence[str]", ids: Sequence[str], seeds: Sequence[int]) -> "Tensor":
        """What a run would predict: one draw from each sample's seed, without gradients, if they are logits at all.

        Raises PredictionError naming the samples.
        """
        import torch

        with torch.no_grad():
            logits = asked_logits(self.model, self._shaped(inputs), seeds)
        return self.outputs.ordered(verify_logits(logits, ids, self.outputs.count, self.name))

    def declared(self) -> list[str]:
        """What a reader of the score must know of the classifier that was attacked."""
        said = []
        if self.draws > 1 or getattr(self.model, "random", False) is True:
            said.append(f"{self.name} is random: attacks see its logits and gradients averaged over {self.draws} draws")
        if self._substitute is not None:
            said.append(f"gradients go through the differentiable substitute (bpda) that {self.name} declares")
        elif hasattr(self.model, "bpda"):
            said.append(
                f"{self.name} declares a step without useful gradients, and its substitute (bpda) is not used: what gradient "
                "attacks leave standing says little"
            )
        elif any(hasattr(part, "bpda") for part in _parts(self.model)):
            said.append(
                f"a part of {self.name} declares a step without useful gradients, and {self.name} does not hand on its "
                "substitute (bpda): what gradient attacks leave standing says little"
            )
        return said

    def found_random(self, logits: "Tensor", again: "Tensor") -> bool:
        """Whether two answers to one question say that it draws what it does not declare; from then on it is averaged, too."""
        if apart(logits.cpu().numpy(), again.cpu().numpy()) > ROUNDING:
            self.draws, self._unseeded = self._eot, True
        return self._unseeded

    def _asked(self, inputs: Any, wanted: bool, draw: int = 0) -> "Tensor":
        """The model's own logits, in its own order, for one draw."""
        if self._unseeded:  # its draws are no affair of the attack's, which is held to its seeds
            with seeded(draw, "".join(_digests(inputs))):
                return self._logits(inputs, (), wanted)
        return self._logits(inputs, self._seeds(inputs, draw), wanted)

    def _logits(self, inputs: Any, seeds: Sequence[int], wanted: bool) -> "Tensor":
        import torch

        shaped = self._shaped(inputs)
        substitute = self._substitute if wanted else None
        try:
            with torch.set_grad_enabled(wanted and substitute is None):
                logits: Tensor = asked_logits(self.model, shaped, seeds)
            if substitute is not None:
                soft = substitute(shaped, seeds) if getattr(self.model, "random", False) is True else substitute(shaped)
                self._check_substitute(soft, logits)
                logits = logits + (soft - soft.detach())
        except RuntimeError as error:
            if wanted and "requires grad" in str(error):
                raise self._without_gradients() from error
            raise
        if wanted and not logits.requires_grad:
            raise self._without_gradients()
        return logits

    def _seeds(self, inputs: Any, draw: int) -> list[int]:
        """A seed of each input for a draw, from its content alone: whoever else is in the batch, and whenever it is asked."""
        if getattr(self.model, "random", False) is not True:
            return []
        return [sample_seed(draw, digest) for digest in _digests(inputs)]

    def _shaped(self, inputs: Any) -> Any:
        return inputs.flatten(1) if self._flat else inputs

    def _check_substitute(self, soft: Any, logits: "Tensor") -> None:
        shape = getattr(soft, "shape", None)
        if shape != logits.shape or not soft.requires_grad:
            what = "no gradients" if shape == logits.shape else f"{'nothing' if shape is None else list(shape)}"
            raise ModelError(
                f"bpda of {self.name} gives {what} where logits of shape {list(logits.shape)} with gradients are wanted",
                "let it return what its call returns, through steps that can be differentiated; or pass `protocol.bpda=false`",
            )

    def _without_gradients(self) -> ModelError:
        return ModelError(
            f"{self.name} gives no gradients of its logits to its input, which this attack needs",
            "take an attack that needs none, such as robust/square or robust/uniform-noise",
        )


def _parts(model: Any) -> Iterable[Any]:
    """The modules that a model is made of, itself among them."""
    return model.modules() if hasattr(model, "modules") else ()


def _digests(inputs: Any) -> list[str]:
    """Of each input's content: a text's, or that of numbers."""
    rows = [text.encode("utf-8", "surrogatepass") for text in inputs] if not hasattr(inputs, "detach") else None
    if rows is None:
        rows = [row.tobytes() for row in inputs.detach().cpu().contiguous().numpy()]
    return [hashlib.blake2b(row, digest_size=16).hexdigest() for row in rows]
