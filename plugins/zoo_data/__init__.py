"""Plugin `data`: the standard datasets and their benchmarks, and datasets of the user's own files.

Specs stand in one file a topic; each has DATASETS, BENCHMARKS, and RESOLVERS of dynamic names such as `folder:PATH`.
"""

from zoo import hookimpl
from zoo.lazy import load_target
from zoo.specs import BenchmarkSpec, DatasetSpec, Spec
from zoo_data import (
    classification_specs,
    detection_specs,
    generation_specs,
    imagenet_specs,
    restoration_specs,
    retrieval_specs,
    segmentation_specs,
)

PARTS = (
    classification_specs,
    detection_specs,
    segmentation_specs,
    restoration_specs,
    retrieval_specs,
    generation_specs,
    imagenet_specs,
)
RESOLVERS = {
    "dataset": {namespace: target for part in PARTS for namespace, target in part.RESOLVERS.items()},
    "benchmark": restoration_specs.BENCHMARK_RESOLVERS,
}


@hookimpl
def zoo_datasets() -> list[DatasetSpec]:
    return [spec for part in PARTS for spec in part.DATASETS]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [spec for part in PARTS for spec in part.BENCHMARKS]


@hookimpl
def zoo_namespaces() -> list[str]:
    return list(RESOLVERS["dataset"])


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The spec of a dataset of the user's own files, or of a benchmark on them."""
    namespace, _, path = name.partition(":")
    if not path or namespace not in RESOLVERS.get(kind, ()):
        return None
    spec: Spec = load_target(RESOLVERS[kind][namespace])(name, path)
    return spec
