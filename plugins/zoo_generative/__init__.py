"""Topic 9: generative models. A VAE, a diffusion model and a language model, and what their likelihoods and samples are worth.

Specs stand in one file a kind; each has MODELS, METRICS, BENCHMARKS and RECIPES.
"""

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, MetricSpec, ModelSpec, RecipeSpec
from zoo_generative import image_specs, text_specs

PARTS = (image_specs, text_specs)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_metrics() -> list[MetricSpec]:
    return [spec for part in PARTS for spec in part.METRICS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [spec for part in PARTS for spec in part.BENCHMARKS]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [spec for part in PARTS for spec in part.RECIPES]
