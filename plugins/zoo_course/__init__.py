"""Plugin `course`: a suite of runs for each topic of the course, of entries of the other plugins by name."""

from zoo import hookimpl
from zoo.specs import SuiteRun, SuiteSpec

FEW = 500
"""Samples of a run that attacks: each costs many passes through the network."""


def on(*benchmarks: str) -> tuple[SuiteRun, ...]:
    """The model that is asked for on each of these."""
    return tuple(SuiteRun(benchmark=name) for name in benchmarks)


def attacked(attack: str, **options: object) -> SuiteRun:
    """An attack on the model that is asked for."""
    return SuiteRun(benchmark="robust/mnist-linf", model=attack, role="victim", options=options, limit=FEW)


SUITES = [
    SuiteSpec(
        name="topic-1",
        summary="Classifiers from first principles, on handwritten digits",
        models=("intro/logistic", "intro/mlp", "intro/mlp-numpy"),
        runs=on("data/digits"),
    ),
    SuiteSpec(
        name="topic-2",
        summary="Convolutional networks, on digits, clothes and small photographs",
        models=("cnn/*",),
        runs=on("data/digits", "data/mnist", "data/fashion-mnist", "data/cifar10"),
    ),
    SuiteSpec(
        name="topic-3",
        summary="Denoising and super-resolution of five pictures and twelve",
        models=("vision/bicubic", "vision/identity", "vision/espcn", "vision/vdsr", "vision/dncnn", "vision/dncnn-blind"),
        runs=on("vision/set5-x3", "vision/set12-sigma25"),
    ),
    SuiteSpec(
        name="topic-4",
        summary="Recurrent networks and a Transformer, on spam among text messages",
        models=("sequence/*",),
        runs=on("data/sms-spam"),
    ),
    SuiteSpec(
        name="topic-5",
        summary="A vision Transformer beside a convolutional network of its size",
        models=("vit/vit-mini", "vit/convnet-mini"),
        runs=on("data/mnist", "data/fashion-mnist"),
    ),
    SuiteSpec(
        name="topic-7",
        summary="Embeddings learnt by three losses, on alphabets never seen",
        models=("metric/*",),
        runs=on("data/omniglot", "data/omniglot-one-shot"),
    ),
    SuiteSpec(
        name="topic-8",
        summary="A classifier of MNIST: clean, under noise, and under attacks within L-infinity 0.3",
        models=("cnn/lenet5@mnist", "robust/small-convnet@mnist-standard", "robust/small-convnet@mnist-pgd"),
        runs=(
            *on("data/mnist"),
            attacked("robust/uniform-noise"),
            attacked("robust/fgsm"),
            attacked("robust/pgd", steps=20),
        ),
    ),
    SuiteSpec(
        name="topic-9",
        summary="Generators of handwritten digits, by the distance of their samples from real ones",
        models=("generative/*",),
        runs=on("generative/mnist-samples"),
    ),
]


@hookimpl
def zoo_suites() -> list[SuiteSpec]:
    return SUITES
