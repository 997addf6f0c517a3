"""Topic 8: adversarial attacks under a stated threat model, and how much of a victim's accuracy is left under them.

Certificates bound the same from below.
"""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, ModelSpec
from zoo_robust import attack_specs, certificate_specs, network_specs


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [*attack_specs.MODELS, *certificate_specs.MODELS, *network_specs.MODELS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [*attack_specs.BENCHMARKS, *certificate_specs.BENCHMARKS]
