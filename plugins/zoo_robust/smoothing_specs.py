"""Randomised smoothing: models that vote under noise, the certificate of such a vote, and networks trained with noise."""

from zoo.specs import BenchmarkSpec, ModelSpec, Optimizer, RecipeSpec

SMOOTHING = "Cohen, Rosenfeld & Kolter 2019, Certified adversarial robustness via randomized smoothing, arXiv:1902.02918"
DENOISED = "Salman, Sun, Yang, Kapoor & Kolter 2020, Denoised smoothing, arXiv:2003.01908"
LEVELS = {"mnist-noise25": 0.25, "mnist-noise50": 0.5, "mnist-noise100": 1.0}
"""Tag of `robust/small-convnet` to the standard deviation of the noise that it was trained with."""

MODELS = [
    ModelSpec(
        name="smoothed",
        summary="What a classifier says most often of an image under Gaussian noise; abstains where that is not clear",
        tasks={"classify": "zoo_robust.smoothing.smoothed:Smoothed"},
        modality="image",
        parts={"base": "classify"},
        options="zoo_robust.smoothing.smoothed:Options",
        paper=SMOOTHING,
    ),
    ModelSpec(
        name="denoised",
        summary="A classifier behind a denoiser, so that one never trained with noise can be smoothed",
        tasks={"classify": "zoo_robust.smoothing.denoised:Denoised"},
        modality="image",
        parts={"base": "classify", "denoiser": "generate"},
        options="zoo_robust.smoothing.denoised:Options",
        paper=DENOISED,
    ),
    ModelSpec(
        name="smoothing",
        summary="Certifies the victim smoothed by Gaussian noise: an L2 radius within which its vote holds",
        tasks={"attack": "zoo_robust.smoothing.certificate:Smoothing"},
        modality="image",
        kind="certify",
        options="zoo_robust.smoothing.certificate:Smoothing",
        paper=SMOOTHING,
    ),
]


def with_noise(tag: str, deviation: float) -> RecipeSpec:
    """Training on images with Gaussian noise of the deviation that they are smoothed with; Cohen et al. 2019, section 4."""
    return RecipeSpec(
        name=f"small-convnet-{tag}",
        summary=f"The small network on MNIST with Gaussian noise of deviation {deviation:g}, not clipped; minutes on a CPU",
        model="robust/small-convnet",
        dataset="data/mnist",
        epochs=8,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=3e-3, weight_decay=1e-3),
        schedule="onecycle",
        augment=(f"noise:deviation={deviation:g},clip=false",),
    )


RECIPES = [with_noise(tag, deviation) for tag, deviation in LEVELS.items()]

BENCHMARKS = [
    BenchmarkSpec(
        name="mnist-l2-certified",
        summary="Test images of mnist, certified by smoothing; its victim is the network that is smoothed",
        task="attack",
        modality="image",
        dataset="data/mnist",
        metrics=(
            "certified-accuracy",
            "certified-curve:radii=0+0.25+0.5+0.75+1+1.25+1.5+1.75+2+2.25+2.5",
            "mean-radius",
            "clean-accuracy",
            "abstention-rate",
        ),
        protocol={"kind": "certify", "norm": "l2", "eps": 0.5},
        aux={"victim": "robust/small-convnet@mnist-noise25"},
    )
]
