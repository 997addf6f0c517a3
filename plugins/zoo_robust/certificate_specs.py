"""Entries that certify, and the benchmarks on which they do."""

from zoo.specs import BenchmarkSpec, ModelSpec
from zoo_robust.attack_specs import attack

METRICS = ("certified-accuracy", "clean-accuracy", "mean-radius", "abstention-rate")


def certifier(name: str, target: str, summary: str, paper: str) -> ModelSpec:
    """A certifier: its class is its options, and what runs them."""
    return attack(name, target, summary, paper, kind="certify")


def certified(name: str, dataset: str, eps: str, victim: str) -> BenchmarkSpec:
    """A dataset's test split within an L-infinity bound. The victim is the default one: another is named as its aux."""
    return BenchmarkSpec(
        name=name,
        summary=f"Test images of {dataset} of which it is proved that no change of up to {eps} a pixel turns the victim",
        task="attack",
        modality="image",
        dataset=f"data/{dataset}",
        metrics=METRICS,
        protocol={"kind": "certify", "norm": "linf", "eps": eps},
        aux={"victim": victim},
    )


MODELS = [
    certifier(
        "ibp",
        "zoo_robust.certificates.certifiers:Ibp",
        "Interval bound propagation: a box about the image goes through the network layer by layer",
        "Gowal et al. 2018, On the effectiveness of interval bound propagation, arXiv:1810.12715",
    ),
    certifier(
        "crown",
        "zoo_robust.certificates.certifiers:Crown",
        "CROWN: linear bounds of ReLU with adaptive slopes, taken back to the input",
        "Zhang et al. 2018, Efficient neural network robustness certification, arXiv:1811.00866",
    ),
    certifier(
        "fast-lin",
        "zoo_robust.certificates.certifiers:FastLin",
        "Fast-Lin: linear bounds of ReLU with parallel lines, the convex outer bound of Wong and Kolter",
        "Weng et al. 2018, Towards fast computation of certified robustness for ReLU networks, arXiv:1804.09699",
    ),
]

BENCHMARKS = [
    certified("mnist-linf-certified", "mnist", "0.1", "robust/small-convnet@mnist-convex"),
    certified("fashion-mnist-linf-certified", "fashion-mnist", "0.1", "robust/small-convnet@fashion-mnist-convex"),
]
