"""Recipes of defences on the small network, for two datasets, with the undefended one; and a defence that is none."""

from typing import Any

from zoo.specs import Optimizer, RecipeSpec

EPS = {"mnist": 0.3, "fashion-mnist": 0.1}
"""L-infinity, pixels in [0, 1]. MNIST as in the papers of all five; Fashion-MNIST as Wong & Kolter 2018 certify it."""
TRAIN = "zoo_robust.defences.trainers:train_"


def recipe(name: str, dataset: str, how: str, trainer: str, epochs: int, lr: float = 2e-3, **options: Any) -> RecipeSpec:
    """The same network, data, batches and optimizer, whatever the loss."""
    return RecipeSpec(
        name=f"small-convnet-{name}-{dataset}",
        summary=f"The small convnet on {dataset}, {how}; minutes on two cores",
        model="robust/small-convnet",
        dataset=f"data/{dataset}",
        trainer=trainer,
        epochs=epochs,
        batch_size=128,
        optimizer=Optimizer(name="adam", lr=lr),
        schedule="onecycle",
        options=options,
    )


def recipes(dataset: str, epochs: dict[str, int], fgsm_lr: float, ramp: float) -> list[RecipeSpec]:
    """Those of a dataset. `ramp` is what PGD and TRADES need where a network that sees eps at once learns nothing."""
    eps = EPS[dataset]

    def of(name: str, how: str, trainer: str, lr: float = 2e-3, **options: Any) -> RecipeSpec:
        return recipe(name, dataset, how, trainer, epochs[name], lr, **options)

    fgsm = {"eps": eps, "steps": 1}
    inner = {"eps": eps, "steps": 5, "step": 0.5, "ramp": ramp}
    bounds = {"eps": eps, "eps_train": 4 / 3 * eps, "warm_up": 0.05, "ramp": 0.5}
    return [
        of("standard", "undefended", "zoo.training.loop:train"),
        of("fgsm", "FGSM without a random start", f"{TRAIN}adversarial", **fgsm, step=1.0, random_start=False),
        of("fgsm-rs", "FGSM from a random start", f"{TRAIN}adversarial", fgsm_lr, **fgsm, step=1.25),
        of("pgd", "adversarial training by PGD", f"{TRAIN}adversarial", **inner),
        of("trades", "TRADES", f"{TRAIN}trades", **inner, beta=6.0),
        of("ibp", "interval bound propagation", f"{TRAIN}intervals", **bounds),
    ]


RECIPES = [
    *recipes("mnist", {"standard": 4, "fgsm": 5, "fgsm-rs": 10, "pgd": 6, "trades": 5, "ibp": 10}, fgsm_lr=5e-3, ramp=0.3),
    *recipes("fashion-mnist", {"standard": 4, "fgsm": 5, "fgsm-rs": 5, "pgd": 3, "trades": 3, "ibp": 6}, fgsm_lr=2e-3, ramp=0.0),
]
