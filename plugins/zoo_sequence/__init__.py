"""Topic 4: text as a sequence, read by recurrent networks and a Transformer, and as a bag of n-grams that knows no order.

Specs stand in one file a kind of model; each has MODELS and RECIPES.
"""

from zoo import hookimpl
from zoo.specs import CommandSpec, ModelSpec, RecipeSpec
from zoo_sequence import language_specs, sms_specs

PARTS = (sms_specs, language_specs)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [spec for part in PARTS for spec in part.RECIPES]


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="gradient-norms",
            summary="How far back gradients of recurrent language models reach.",
            target="zoo_sequence.commands:gradient_norms",
        )
    ]
