"""Techniques of training: what each kind does, and which a recipe has.

A technique's target is a pydantic class whose fields are its options; an instance does what its kind demands, below.
Structural typing: it needs no base class of ours.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from zoo.errors import OptionError
from zoo.opening.techniques import Technique, open_technique
from zoo.plugins.blame import in_plugin
from zoo.specs import Optimizer, RecipeSpec, TechniqueKind, TechniqueSpec

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer

    from zoo.plugins.registry import Registry

    Build = Callable[[Sequence[nn.Parameter]], TorchOptimizer]


class OptimizerTechnique(Protocol):
    """Kind optimizer."""

    def build(self, parameters: "Sequence[nn.Parameter]", settings: Optimizer, /) -> "TorchOptimizer":
        """The optimizer of these parameters, with the rate, weight decay and momentum of `settings` where it has such.

        Raises OptionError where what it needs is not installed.
        """


class ScheduleTechnique(Protocol):
    """Kind schedule."""

    def factor(self, step: int, steps: int, /) -> float:
        """The learning rate of step 0, …, `steps` - 1, as a factor of the recipe's."""


class PrecisionTechnique(Protocol):
    """Kind precision."""

    def accelerator(self, device: str, /) -> Mapping[str, Any]:
        """Keyword arguments of `accelerate.Accelerator`, such as `mixed_precision`. Raises OptionError if `device` has it not."""


class EvaluatedPrecision(Protocol):
    """Kind precision, where a run may ask for it. `rounding` is which of fp32, fp16 and bf16 rounds as much."""

    rounding: str

    def ready(self, model: "nn.Module", /) -> str:
        """Alter a loaded network in place before it predicts; returns what was done, for the run's record.

        Raises ModelError where there is nothing in it that could be altered.
        """


class MemoryTechnique(Protocol):
    """Kind memory."""

    def apply(self, model: "nn.Module", /) -> None:
        """Alter a network in place before training, its outputs and the names of its parameters excepted."""

    def parts(self, batch: int, /) -> int:
        """In how many parts a batch of the recipe's size goes through the network; the gradients are added up."""


class ParallelTechnique(Protocol):
    """Kind parallel: how the processes of a training, each with its share of every batch, divide the rest.

    `check` is asked before there are any; the others with torch.distributed at work, in all processes and in one order.
    Parameters, gradients and states may become DTensors: checkpoints gather these. An optimizer's `state_dict` is whole in the
    first process, and `load_state_dict` is given the whole in each.
    """

    def check(self, recipe: RecipeSpec, build: "Build", /) -> None:
        """Raises OptionError where the recipe, or the optimizer that `build` makes of parameters, cannot be divided so."""

    def distribute(self, model: "nn.Module", /) -> None:
        """Divide a network in place, on its device and before its optimizer is built; names of parameters stay."""

    def optimizer(self, build: "Build", parameters: "Sequence[nn.Parameter]", /) -> "TorchOptimizer":
        """The optimizer of these parameters, of which `build` makes one."""

    def reduce(self, parameters: "Sequence[nn.Parameter]", /) -> None:
        """After a backward pass: make every gradient the sum over all processes, where it is not yet. Losses are weighted."""


class DataTechnique(Protocol):
    """Kind data."""

    def rate(self, batch_size: int, /) -> float:
        """The learning rate with batches of this size, as a factor of the recipe's."""


class CompilerTechnique(Protocol):
    """Kind compiler: how a network is computed. What it computes stays the same to rounding."""

    def check(self, device: str, /) -> None:
        """Raises OptionError where what it needs on this device is not there."""

    def apply(self, model: "nn.Module", /) -> None:
        """Alter in place how calls of a network are computed, which is on its device and may be divided; all names stay."""


ONE_EACH: tuple[TechniqueKind, ...] = ("optimizer", "schedule", "precision", "parallel", "compiler")
"""Kinds of which a training has one; another takes its place."""
PLAIN = "training/fp32"
"""The precision of a recipe that names none."""
DATA_PARALLEL = "training/data-parallel"
"""How several processes train where a recipe does not say."""
ALWAYS: tuple[TechniqueKind, ...] = ("optimizer", "schedule")
"""Kinds that every recipe has: a trainer may do by itself what they say."""


@dataclass(frozen=True)
class Techniques:
    """All that a training has. `taken` are the names of those that the trainer has asked for."""

    each: tuple[Technique, ...]
    taken: set[str] = field(default_factory=set)

    def of(self, kind: TechniqueKind) -> list[Any]:
        """The built ones of a kind, in order."""
        found = [one for one in self.each if one.spec.kind == kind]
        self.taken.update(one.spec.name for one in found)
        return [one.built for one in found]

    def one(self, kind: TechniqueKind) -> Any:
        """The built one of a kind of which there is one."""
        return self.of(kind)[0]

    def among(self, processes: int, registry: "Registry") -> "Techniques":
        """Those that so many processes have: none of kind parallel of one, data parallel of several where none is named."""
        parallel = any(one.spec.kind == "parallel" for one in self.each)
        if processes == 1:
            return Techniques(tuple(one for one in self.each if one.spec.kind != "parallel"))
        return Techniques(self.each if parallel else (*self.each, open_technique(registry, DATA_PARALLEL)))

    def check(self, device: str, recipe: RecipeSpec) -> None:
        """Raises OptionError where one of them cannot be had on this device, or for this recipe."""
        optimizer = next(one.built for one in self.each if one.spec.kind == "optimizer")
        for one in self.each:
            with in_plugin(one.spec.name):
                if one.spec.kind == "precision":
                    one.built.accelerator(device)
                if one.spec.kind == "compiler":
                    one.built.check(device)
                if one.spec.kind == "parallel":
                    one.built.check(recipe, lambda parameters: optimizer.build(parameters, recipe.optimizer))

    def name_of(self, kind: TechniqueKind) -> str:
        """The name of the one of a kind, empty where there is none."""
        return next((one.spec.name for one in self.each if one.spec.kind == kind), "")

    @property
    def passed_over(self) -> list[str]:
        """Names of those that a trainer has not asked for, and so has not."""
        wanted = [one.spec.name for one in self.each if one.spec.kind not in ALWAYS and one.spec.name != PLAIN]
        return [name for name in wanted if name not in self.taken]


def chosen(registry: "Registry", recipe: RecipeSpec) -> Techniques:
    """The techniques of a recipe. Raises OptionError for two that exclude each other, and for options that do not fit."""
    recipe = _with_precision_of_old(recipe)
    texts = [recipe.optimizer.name, recipe.schedule, *recipe.techniques]
    found = [open_technique(registry, text) for text in texts]
    for one, kind in zip(found, ("optimizer", "schedule"), strict=False):
        if one.spec.kind != kind:
            raise OptionError(f"{one.spec.name} is of kind {one.spec.kind}, not {kind}", "zoo list techniques")
    if not any(one.spec.kind == "precision" for one in found):
        found.append(open_technique(registry, PLAIN))
    _check_together(found)
    return Techniques(tuple(found))


def with_techniques(registry: "Registry", recipe: RecipeSpec, added: Iterable[str], removed: Iterable[str]) -> RecipeSpec:
    """The recipe without some techniques and with others, those by their full names.

    An optimizer, a schedule or a precision takes the place of the recipe's; of any other kind, one of the same name does.
    Raises OptionError for two of which a training has one, and for one to be removed that the recipe does not have.
    """
    recipe = _with_precision_of_old(recipe)
    texts = {registry.technique(text).name: text for text in recipe.techniques}
    for name in (registry.technique(text).name for text in removed):
        if name not in texts:
            raise OptionError(f"{recipe.name} has no technique {name}", f"it has: {', '.join(texts) or 'none'}")
        del texts[name]
    new = [(registry.technique(text), text) for text in added]
    _check_kinds([spec for spec, _ in new])
    optimizer, schedule = recipe.optimizer, recipe.schedule
    for spec, text in new:
        whole = spec.name + text[len(text.partition(":")[0]) :]
        if spec.kind == "optimizer":
            optimizer = optimizer.model_copy(update={"name": whole})
        elif spec.kind == "schedule":
            schedule = whole
        else:
            if spec.kind == "precision":
                texts = {name: old for name, old in texts.items() if registry.technique(name).kind != "precision"}
            texts[spec.name] = whole
    return recipe.model_copy(update={"optimizer": optimizer, "schedule": schedule, "techniques": tuple(texts.values())})


def _with_precision_of_old(recipe: RecipeSpec) -> RecipeSpec:
    """`options.precision`, by which recipes named it before there were techniques, as one of them."""
    if "precision" not in recipe.options:
        return recipe
    options = {name: value for name, value in recipe.options.items() if name != "precision"}
    techniques = (*recipe.techniques, str(recipe.options["precision"]))
    return recipe.model_copy(update={"options": options, "techniques": techniques})


def technique(registry: "Registry", text: str) -> Any:
    """The built technique of `name` or `name:option=value,...`."""
    return open_technique(registry, text).built


def _check_together(found: Sequence[Technique]) -> None:
    specs = [one.spec for one in found]
    _check_kinds(specs)
    for spec in specs:
        for other in specs:
            if other.name in spec.excludes or (other is not spec and other.name == spec.name):
                raise OptionError(f"{spec.name} cannot be combined with {other.name}", "leave one of them out")


def _check_kinds(specs: Sequence[TechniqueSpec]) -> None:
    for kind in ONE_EACH:
        names = [spec.name for spec in specs if spec.kind == kind]
        if len(names) > 1:
            raise OptionError(f"{' and '.join(names)} are each a training's only {kind}", "take one of them")
