"""Recipes of defences on the small network, for two datasets, with the undefended one; and a defence that is none."""

from typing import Any

from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

EPS = {"mnist": 0.3, "fashion-mnist": 0.1}
"""L-infinity, pixels in [0, 1]. MNIST as in the papers of all five; Fashion-MNIST as Wong & Kolter 2018 certify it."""
TRAIN = "zoo_robust.defences.trainers:train_"
CLASSES = {"mnist": DIGITS, "fashion-mnist": CLOTHES}
SHA256 = {
    "fashion-mnist-ibp": "04d8e75f24e9d49ed49ede408a87b03afee2564a08ae235f0eca1b8af639e357",
    "fashion-mnist-trades": "0e0a48e90403d037256d4ce3c8e0a6b75dca353f2464275ec6bdd397f5c9e330",
    "fashion-mnist-pgd": "6a12fda573437df42a8c1815ab8b74ea223eb586945a31a5ecdde8f13fefeb02",
    "fashion-mnist-fgsm-rs": "f06fdca52d42ef0bb86d86345d275a8f1e4f42d0350e8c863105e84a32560ccd",
    "fashion-mnist-standard": "2cb129cdb175fc6d19b41125d7f752daab75d73313402a99babb3039fc4c0d5a",
    "mnist-fgsm-rs": "f0e5402300087469277cce96df69a1cc8ad3f15c1ebba74a1f6a9a698e65bdef",
    "mnist-trades": "103d9268164f2da761a9d7db7c40b4ef6815e0f58b952946d604ef126abe3080",
    "mnist-pgd": "f38e16b9ddb77b5a8a5bc0dff478ef6097b248b3a81d0cb2bcc9c08549262e99",
    "mnist-ibp": "b00a691cd69c61ddc9e85b5088a21956cf25160743b929686f97b75cdf1a02d4",
    "mnist-standard": "c01b8ee4e8dbcffd0a0e44265370f151748f96de3ef861bb3b8cd5a3bf2ee7ab",
}
"""Tag to the hash of the file that ships, rounded to float16: half the size, and scores are those of that file."""


def weights() -> dict[str, Weights]:
    """The weights that the recipes make, by tag: `mnist-pgd` is of recipe `small-convnet-pgd-mnist`."""
    found = {}
    for tag, sha256 in SHA256.items():
        dataset = next(name for name in EPS if tag.startswith(f"{name}-"))
        name = f"small-convnet-{tag.removeprefix(f'{dataset}-')}-{dataset}"
        found[tag] = Weights.shipped(f"robust/{name}", sha256, note="rounded to float16", classes=CLASSES[dataset])
    return found


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


EPOCHS = {
    "mnist": {"standard": 4, "fgsm": 4, "fgsm-rs": 7, "pgd": 6, "trades": 5, "ibp": 10},
    "fashion-mnist": {"standard": 5, "fgsm": 6, "fgsm-rs": 6, "pgd": 6, "trades": 5, "ibp": 10},
}
RECIPES = [
    *recipes("mnist", EPOCHS["mnist"], fgsm_lr=5e-3, ramp=0.3),
    *recipes("fashion-mnist", EPOCHS["fashion-mnist"], fgsm_lr=2e-3, ramp=0.0),
]


QUANTISED = ModelSpec(
    name="quantised-convnet",
    summary="The undefended small convnet on pixels rounded to 8 levels, which has no gradient: looks robust and is not",
    tasks={"classify": "zoo_robust.defences.quantised:QuantisedConvNet"},
    modality="image",
    input=ImageInput(channels=1, size=(28, 28)),
    outputs="classes",
    weights={tag: each for tag, each in weights().items() if tag.endswith("-standard")},
    paper="Guo, Rana, Cisse & van der Maaten 2018, Countering adversarial images using input transformations, arXiv:1711.00117",
)
