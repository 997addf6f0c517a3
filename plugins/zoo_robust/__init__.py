"""Topic 8: adversarial attacks under a stated threat model, and how much of a victim's accuracy is left under them.

Certificates bound the same from below.
"""

from zoo import hookimpl
from zoo.lazy import load_target
from zoo.specs import BenchmarkSpec, CommandSpec, MetricSpec, ModelSpec, RecipeSpec, Spec
from zoo_robust import (
    attack_specs,
    certificate_specs,
    corruption_specs,
    defence_specs,
    fragility_specs,
    network_specs,
    smoothing_specs,
    text_attack_specs,
)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [
        *attack_specs.MODELS,
        *text_attack_specs.MODELS,
        *certificate_specs.MODELS,
        *smoothing_specs.MODELS,
        *network_specs.MODELS,
        defence_specs.QUANTISED,
    ]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [
        *attack_specs.BENCHMARKS,
        *text_attack_specs.BENCHMARKS,
        *certificate_specs.BENCHMARKS,
        *smoothing_specs.BENCHMARKS,
    ]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [*smoothing_specs.RECIPES, *defence_specs.RECIPES]


@hookimpl
def zoo_metrics() -> list[MetricSpec]:
    return corruption_specs.METRICS


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    return fragility_specs.COMMANDS


@hookimpl
def zoo_namespaces() -> list[str]:
    return ["corrupted"]


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The dataset `corrupted:DATASET`, and the benchmark on it."""
    namespace, _, rest = name.partition(":")
    target = corruption_specs.RESOLVERS.get(kind)
    if namespace != "corrupted" or not rest or target is None:
        return None
    spec: Spec = load_target(target)(name, rest)
    return spec
