"""Detection: specs of models, benchmarks and recipes."""

from zoo.specs import BenchmarkSpec, ModelSpec, RecipeSpec

MODELS: list[ModelSpec] = []

BENCHMARKS: list[BenchmarkSpec] = []

RECIPES: list[RecipeSpec] = []
