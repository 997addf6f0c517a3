"""Plugin `vision`, topic 3: restoration, detection, segmentation and edges.

Specs stand in one file a task: `restoration_specs.py`, `detection_specs.py`, `segmentation_specs.py`.
"""

from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec, ModelSpec, RecipeSpec, Spec
from zoo_vision import detection_specs, restoration_specs, segmentation_specs

PARTS = (restoration_specs, detection_specs, segmentation_specs)


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_datasets() -> list[DatasetSpec]:
    return [spec for part in PARTS for spec in part.DATASETS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [spec for part in PARTS for spec in part.BENCHMARKS]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return [spec for part in PARTS for spec in part.RECIPES]


@hookimpl
def zoo_namespaces() -> list[str]:
    return [namespace for part in PARTS for namespace in part.RESOLVERS]


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """A generic dataset of the user's own files, by the resolver of its namespace."""
    namespace = name.partition(":")[0]
    resolve = next((part.RESOLVERS[namespace] for part in PARTS if namespace in part.RESOLVERS), None)
    return resolve(name) if resolve and kind == "dataset" else None
