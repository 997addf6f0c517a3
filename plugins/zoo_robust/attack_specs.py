"""Entries that attack, and the benchmarks on which they do."""

from typing import Any

from zoo.specs import BenchmarkSpec, ModelSpec

METRICS = ("robust-accuracy", "clean-accuracy", "success-rate", "median-norm", "forwards", "gradients")


def attack(name: str, target: str, summary: str, paper: str, **fields: Any) -> ModelSpec:
    """An attack, of images unless `fields` say otherwise: its class is its options, and what runs them."""
    known = {"modality": "image", **fields}
    return ModelSpec(name=name, summary=summary, tasks={"attack": target}, options=target, paper=paper, **known)


def under(name: str, dataset: str, eps: str, victim: str) -> BenchmarkSpec:
    """A dataset's test split under an L-infinity bound. The victim is the default one: another is named as its aux."""
    return BenchmarkSpec(
        name=name,
        summary=f"Test images of {dataset}, each pixel changed by at most {eps}; its victim is the classifier",
        task="attack",
        modality="image",
        dataset=f"data/{dataset}",
        metrics=METRICS,
        protocol={"norm": "linf", "eps": eps},
        aux={"victim": victim},
    )


MODELS = [
    attack(
        "uniform-noise",
        "zoo_robust.attacks.uniform_noise:UniformNoise",
        "Noise drawn evenly from the ball: the baseline that an attack must beat",
        "Fawzi, Moosavi-Dezfooli & Frossard 2016, Robustness of classifiers: from adversarial to random noise, arXiv:1608.08967",
    ),
    attack(
        "fgsm",
        "zoo_robust.attacks.fgsm:Fgsm",
        "Fast gradient sign method: one step to the border of the ball",
        "Goodfellow, Shlens & Szegedy 2015, Explaining and harnessing adversarial examples, arXiv:1412.6572",
    ),
    attack(
        "pgd",
        "zoo_robust.attacks.pgd:Pgd",
        "Projected gradient descent from random starts: many small steps inside the ball",
        "Madry et al. 2018, Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083",
    ),
    attack(
        "deepfool",
        "zoo_robust.attacks.deepfool:DeepFool",
        "Steps to the nearest decision boundary, linearised; no bound of its own",
        "Moosavi-Dezfooli, Fawzi & Frossard 2016, DeepFool, arXiv:1511.04599",
    ),
    attack(
        "apgd-ce",
        "zoo_robust.attacks.apgd:Apgd",
        "Auto-PGD on the cross-entropy: momentum, and a step size that halves itself when progress stalls",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
    attack(
        "apgd-dlr",
        "zoo_robust.attacks.apgd:ApgdDlr",
        "Auto-PGD on the difference of logits ratio, which does not vanish where the victim is sure",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
    attack(
        "apgd-t",
        "zoo_robust.attacks.apgd:ApgdTargeted",
        "Auto-PGD on the targeted difference of logits ratio, towards the 9 likeliest wrong classes in turn",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
    attack(
        "fab",
        "zoo_robust.attacks.fab:Fab",
        "Fast adaptive boundary attack: the smallest perturbation, by steps to the nearest boundary; no bound of its own",
        "Croce & Hein 2020, Minimally distorted adversarial examples with a fast adaptive boundary attack, arXiv:1907.02044",
    ),
    attack(
        "fab-t",
        "zoo_robust.attacks.fab:FabTargeted",
        "Fast adaptive boundary attack towards the 9 likeliest wrong classes in turn; no bound of its own",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
    attack(
        "square",
        "zoo_robust.attacks.square:Square",
        "Square attack: random search over squares, without any gradient",
        "Andriushchenko, Croce, Flammarion & Hein 2020, Square attack, arXiv:1912.00049",
    ),
    attack(
        "autoattack",
        "zoo_robust.attacks.autoattack:AutoAttack",
        "The standard ensemble: APGD-CE, targeted APGD, targeted FAB and Square on what still stands; or version plus, rand",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
    attack(
        "worst-of",
        "zoo_robust.attacks.worst_of:WorstOf",
        "Several attacks one after another, the worst case of each sample",
        "Croce & Hein 2020, Reliable evaluation of adversarial robustness, arXiv:2003.01690",
    ),
]

BENCHMARKS = [
    under("mnist-linf", "mnist", "0.3", "cnn/lenet5@mnist"),
    under("fashion-mnist-linf", "fashion-mnist", "0.1", "robust/small-convnet@fashion-mnist-standard"),
    under("cifar10-linf", "cifar10", "8/255", "cnn/resnet20@cifar10"),
]
