"""The gradient check of a recipe: the loss of its first batch, in float64, against central differences."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field, computed_field

from zoo.errors import ModelError, OptionError, ZooError, reason_of
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import registry
from zoo.seeds import seeded
from zoo.specs import Frozen, RecipeSpec
from zoo.training.checking import check_job
from zoo.training.differentiated import Autograd, ByHand, Differentiated, HandWritten, in_float64
from zoo.training.gradients import ROUNDING, ParameterCheck, compare
from zoo.training.job import TrainingJob, TrainingProgress
from zoo.training.plan import Asked, plan_training
from zoo.training.techniques import PLAIN, with_techniques


class GradientCheck(Frozen):
    """The gradients of a network on a batch, beside central differences."""

    recipe: str
    model: str
    dataset: str
    samples: int
    by: str = Field(description="What computed the gradients: autograd, or the network's own backpropagation.")
    loss: float = Field(description="Of the batch, with fresh parameters.")
    tolerance: float = Field(description="Largest relative error that passes.")
    parameters: tuple[ParameterCheck, ...]
    notes: tuple[str, ...] = Field(description="What of the network is drawn or changes in training, and how it was held still.")

    @property
    def worst(self) -> ParameterCheck:
        """The parameter with the largest error."""
        return max(self.parameters, key=lambda parameter: parameter.error)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Whether all errors are within the tolerance."""
        return self.worst.error <= self.tolerance


@in_plugin()
def gradcheck(
    recipe: str | RecipeSpec,
    *,
    samples: int = 8,
    entries: int = 5,
    tolerance: float = 1e-5,
    seed: int | None = None,
    dataset: str | None = None,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> GradientCheck:
    """Check the gradients of a recipe's network with fresh parameters: nothing is trained, and nothing written.

    The loss is the trainer's own, of a batch of `samples` as its first step has it: augmented, the network in training mode. Of
    every parameter the derivatives by up to `entries` entries, and along a random direction through all of them, are compared
    with central differences, on the CPU, in float64 whatever precision the recipe names. What is drawn in training, such as a
    mask of dropout, is the same at every evaluation; buffers that training changes, such as running statistics of batch
    normalisation, are put back. `seed`, `dataset`, `model` and `overrides` change the recipe as they do in `zoo.train`; an
    overridden `batch_size` comes before `samples`. Where gradients are cut off on purpose, as between the networks of a GAN,
    what a trainer follows is no derivative, and the check says so.

    Raises ZooError where data, model and recipe do not go together: ModelError for a network without parameters, or whose loss is
    not finite, not deterministic or not computed in float64; OptionError for a trainer that does not say its loss.
    """
    if samples < 1 or entries < 1 or not 0 < tolerance < 1:
        raise OptionError("samples and entries must be at least 1, and tolerance between 0 and 1")
    entries_of = registry()
    spec = entries_of.recipe(recipe) if isinstance(recipe, str) else recipe
    named = (("seed", seed), ("dataset", dataset), ("model", model))
    changes = {"batch_size": samples, **(overrides or {}), **{name: value for name, value in named if value is not None}}
    job = plan_training(entries_of, spec, Asked(changes, "cpu", data_dir, progress))
    job = replace(job, recipe=_in_fp32(job.recipe))
    with seeded(job.recipe.seed, "gradcheck"):
        check_job(job, entries_of.dataset(job.recipe.dataset))
        return check_gradients(job, entries, tolerance)


def check_gradients(job: TrainingJob, entries: int, tolerance: float) -> GradientCheck:
    """The same of a job, whose batches are the samples."""
    network = job.build_model()
    _check_parameters(job.model.name, network)
    if isinstance(network, HandWritten):
        return _compared(job, ByHand(job, network), entries, tolerance)
    with in_float64():
        return _compared(job, Autograd(job), entries, tolerance)


def _compared(job: TrainingJob, source: Differentiated, entries: int, tolerance: float) -> GradientCheck:
    import torch

    try:
        variables, loss, again = source.variables(), source.loss(), source.loss()
    except ZooError:
        raise
    except Exception as error:
        raise ModelError(
            f"the loss of {job.model.name} cannot be computed in float64: {reason_of(error)}",
            "let the network compute in the type of its inputs and parameters",
        ) from error
    if not math.isfinite(loss):
        raise ModelError(f"the loss of {job.model.name} is {loss}, so that there is no derivative")
    if abs(loss - again) > ROUNDING * torch.finfo(torch.float64).eps * abs(loss):
        raise ModelError(
            f"the loss of {job.model.name} is once {loss!r} and then {again!r} with the same parameters",
            "draw only from the seeded generators, and remember things in buffers of the network or attributes of the loop",
        )
    generator = torch.Generator().manual_seed(job.recipe.seed)
    checks = []
    for number, variable in enumerate(variables, 1):
        checks.append(compare(variable, source.loss, loss, entries, tolerance, generator))
        job.report(TrainingProgress(1, 1, number, len(variables)))
    if all(check.compared == check.corners for check in checks):
        raise ModelError(f"the loss of {job.model.name} has a corner wherever it was looked at, so that nothing could be judged")
    return GradientCheck(
        recipe=job.recipe.name,
        model=job.model.name,
        dataset=job.recipe.dataset,
        samples=source.samples,
        by=source.by,
        loss=loss,
        tolerance=tolerance,
        parameters=tuple(checks),
        notes=tuple(source.notes),
    )


def _check_parameters(name: str, network: Any) -> None:
    """Whether there is a gradient at all. Raises ModelError."""
    from torch import nn

    known = isinstance(network, (nn.Module, HandWritten))
    parameters = list(network.parameters()) if hasattr(network, "parameters") else []
    if not parameters:
        raise ModelError(f"{name} has no parameters, so that there is no gradient to check", "zoo list recipes: what is trained")
    if not known:
        raise ModelError(
            f"{name} is {type(network).__name__}: neither a torch.nn.Module nor a network with a method `backpropagate`",
            "zoo.training.HandWritten says what that must do",
        )
    if isinstance(network, nn.Module) and not any(parameter.requires_grad for parameter in parameters):
        raise ModelError(f"all parameters of {name} are frozen, so that there is no gradient to check")


def _in_fp32(recipe: RecipeSpec) -> RecipeSpec:
    """The recipe without mixed precision, which would cast all that is float64."""
    return with_techniques(registry(), recipe, [PLAIN], [])
