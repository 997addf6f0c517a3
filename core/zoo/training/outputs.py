"""As many outputs as the data have classes: which part of a model's config says so, and the config that does."""

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

from zoo.errors import ModelError, OptionError
from zoo.lazy import load_target
from zoo.opening.weights_own import OUTPUTS
from zoo.plugins.blame import in_plugin
from zoo.specs import ModelSpec, RecipeSpec

TASKS = ("classify", "segment")
"""Tasks whose models have an output a class."""


def fitted_config(recipe: RecipeSpec, model: ModelSpec, classes: int | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's config, with the number of classes of the data where the model would be built with another.

    `asked` are the caller's own changes of the recipe, which are never overruled. Raises OptionError for a part of the config
    that the model does not take, or a number of classes that the caller asked for and the data have not.
    """
    parameters = _parameters(recipe, model)
    _check_names(recipe, model, parameters)
    name = model.outputs or next((each for each in OUTPUTS if each in parameters), None)
    if name is None or classes is None or recipe.task not in TASKS:
        return recipe.config
    default = parameters[name].default if name in parameters else None
    found = {**model.config, **recipe.config}.get(name, default)
    if found == classes:
        return recipe.config
    if name in recipe.config and _asked_for(name, asked):
        raise OptionError(
            f"config.{name} is {found}, but {recipe.dataset} has {classes} classes",
            f"leave config.{name} out: {model.name} is built with an output a class",
        )
    return {**recipe.config, name: classes}


def _parameters(recipe: RecipeSpec, model: ModelSpec) -> Mapping[str, Parameter]:
    """What the model's target takes; nothing where it does not say."""
    if recipe.task not in model.tasks:
        raise ModelError(f"{model.name} does not {recipe.task}", f"its tasks are: {', '.join(model.tasks)}")
    with in_plugin(model.name):
        target = load_target(model.tasks[recipe.task])
        try:
            return signature(target).parameters
        except ValueError:  # of what is not written in Python
            return {}


def _check_names(recipe: RecipeSpec, model: ModelSpec, parameters: Mapping[str, Parameter]) -> None:
    if not parameters or any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    for name in recipe.config:
        if name not in parameters:
            near = get_close_matches(name, parameters)
            did_you_mean = f"did you mean config.{near[0]}? " if near else ""
            raise OptionError(
                f"{model.name} takes no config.{name}", f"{did_you_mean}it takes: {', '.join(parameters) or 'nothing'}"
            )


def _asked_for(name: str, asked: Mapping[str, Any]) -> bool:
    whole = asked.get("config")
    return f"config.{name}" in asked or (isinstance(whole, Mapping) and name in whole)
