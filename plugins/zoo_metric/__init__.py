"""Topic 7: metric learning. Embeddings learnt by contrastive, triplet and angular losses, beside the raw pixels."""

from zoo import hookimpl
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

SMALL = ImageInput(channels=1, size=(28, 28))


def conv4(loss: str, sha256: str, paper: str) -> ModelSpec:
    """The small network as one of the losses trained it."""
    return ModelSpec(
        name=f"conv4-{loss}",
        summary=f"Four convolutions, 64 dimensions, trained with the {loss} loss; 111,680 parameters",
        tasks={"embed": "zoo_metric.networks:Conv4"},
        modality="image",
        input=SMALL,
        weights={"omniglot": Weights.shipped(f"metric/conv4-{loss}-omniglot", sha256)},
        paper=paper,
    )


def conv4_recipe(loss: str) -> RecipeSpec:
    """The same training for each loss, validated on characters that it holds out whole."""
    return RecipeSpec(
        name=f"conv4-{loss}-omniglot",
        summary=f"Conv-4 on five alphabets of Omniglot with the {loss} loss; minutes on two cores",
        model=f"metric/conv4-{loss}",
        task="embed",
        dataset="data/omniglot",
        trainer="zoo_metric.trainer:train",
        epochs=20,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=1e-2),
        schedule="onecycle",
        augment=("affine:degrees=10,share=0.1",),
        validation=0.15,
        hold_out="classes",
        metric="recall-at-k:k=1",
        options={"loss": loss, "per_class": 4},
    )


MODELS = [
    ModelSpec(
        name="pixels",
        summary="Raw pixels, grey, 28x28: the baseline that every learnt embedding has to beat",
        tasks={"embed": "zoo_metric.networks:Pixels"},
        modality="image",
        input=SMALL,
    ),
    conv4(
        "contrastive",
        "743a487799f14d70413eeab994fa4ed353d5010f7ee16dd29d551f07244cd1c2",
        "Hadsell, Chopra & LeCun 2006, Dimensionality reduction by learning an invariant mapping, doi:10.1109/CVPR.2006.100",
    ),
    conv4(
        "triplet",
        "1274e8bb2e63828318c81443a4a7d3ebb574525fcf80735003a2b3f3a4659b9b",
        "Schroff, Kalenichenko & Philbin 2015, FaceNet, arXiv:1503.03832",
    ),
    conv4(
        "arcface",
        "56ce6d964d9a5e63225edca9f0a894e2741383d2b8934f0b66ca9874bcd11c49",
        "Deng, Guo, Xue & Zafeiriou 2019, ArcFace: additive angular margin loss, arXiv:1801.07698",
    ),
]

RECIPES = [conv4_recipe(loss) for loss in ("contrastive", "triplet", "arcface")]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES
