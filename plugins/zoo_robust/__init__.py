"""Topic 8: adversarial attacks under a stated threat model, and how much of a victim's accuracy is left under them."""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, CommandSpec, ModelSpec
from zoo_robust import attack_specs, fragility_specs, network_specs


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [*attack_specs.MODELS, *network_specs.MODELS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return attack_specs.BENCHMARKS


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    return fragility_specs.COMMANDS
