"""Topic 8: adversarial attacks under a stated threat model, and how much of a victim's accuracy is left under them."""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, ModelSpec, RecipeSpec
from zoo_robust import attack_specs, defence_specs, network_specs


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [*attack_specs.MODELS, *network_specs.MODELS, defence_specs.QUANTISED]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return attack_specs.BENCHMARKS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return defence_specs.RECIPES
