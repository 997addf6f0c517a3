"""Detection: specs of the standard datasets, and of the user's own files."""

from zoo.specs import BenchmarkSpec, DatasetSpec

DATASETS: list[DatasetSpec] = []

BENCHMARKS: list[BenchmarkSpec] = []

RESOLVERS: dict[str, str] = {}
