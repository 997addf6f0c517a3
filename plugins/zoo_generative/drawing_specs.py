"""Specs of what draws images: the metrics that compare drawn to real ones in a named feature space, and the models."""

from zoo.specs import BenchmarkSpec, MetricSpec, ModelSpec, RecipeSpec

LENET = "cnn/lenet5@mnist"

METRICS = [
    MetricSpec(
        name="fd-lenet",
        summary="Fréchet distance to real images in the penultimate layer of LeNet-5, the floor of real images beside it",
        task="generate",
        target="zoo_generative.metrics:FdLenet",
        direction="lower",
        range=(0.0, None),
        reference="scipy.linalg.sqrtm, as the authors of FID compute it",
    ),
    MetricSpec(
        name="precision-lenet",
        summary="Share of drawn images among the real ones, in the penultimate layer of LeNet-5: fidelity",
        task="generate",
        target="zoo_generative.metrics:PrecisionLenet",
        direction="higher",
        reference="brute force over all pairs, as arXiv:1904.06991 defines it",
    ),
    MetricSpec(
        name="recall-lenet",
        summary="Share of real images among the drawn ones, in the penultimate layer of LeNet-5: diversity",
        task="generate",
        target="zoo_generative.metrics:RecallLenet",
        direction="higher",
        reference="brute force over all pairs, as arXiv:1904.06991 defines it",
    ),
]

MODELS = [
    ModelSpec(
        name="noise",
        summary="Every pixel drawn evenly from [0, 1]: the baseline that every generator must beat",
        tasks={"generate": "zoo_generative.noise:Noise"},
        modality="image",
        options="zoo_generative.noise:NoiseOptions",
    ),
]

BENCHMARKS = [
    BenchmarkSpec(
        name="mnist-samples",
        summary="1,000 drawn digits against 1,000 real ones, in the features of LeNet-5",
        task="generate",
        modality="image",
        dataset="data/mnist-samples",
        metrics=("fd-lenet", "precision-lenet:k=3", "recall-lenet:k=3"),
        aux={"features": LENET},
    ),
]

RECIPES: list[RecipeSpec] = []
