"""Segmentation and edges: specs only, nothing heavy."""

from collections.abc import Callable

from zoo.specs import BenchmarkSpec, DatasetSpec, ModelSpec, RecipeSpec

MODELS: list[ModelSpec] = []
DATASETS: list[DatasetSpec] = []
BENCHMARKS: list[BenchmarkSpec] = []
RECIPES: list[RecipeSpec] = []
RESOLVERS: dict[str, Callable[[str], DatasetSpec]] = {}
"""Namespace of a dynamic dataset name to what makes its spec."""
