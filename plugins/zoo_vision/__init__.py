"""Plugin `vision`, topic 3: restoration, detection, segmentation and edges.

Specs stand in one file a task; each has MODELS, BENCHMARKS and RECIPES.
"""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, ModelSpec, RecipeSpec
from zoo_vision import detection_specs, restoration_specs, segmentation_specs

PARTS = (restoration_specs, detection_specs, segmentation_specs)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [spec for part in PARTS for spec in part.BENCHMARKS]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [spec for part in PARTS for spec in part.RECIPES]
