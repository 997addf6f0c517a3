"""Topic 5: self-attention, vision Transformers, and what they look at."""

from typing import Any

from zoo import hookimpl
from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

CLASSES = {"mnist": DIGITS, "fashion-mnist": CLOTHES}
PAPER = "Dosovitskiy et al. 2021, An image is worth 16x16 words: Transformers for image recognition at scale, arXiv:2010.11929"
TASKS = {"classify": "zoo_vit.vit:VisionTransformer", "embed": "zoo_vit.vit:VisionTransformerFeatures"}
SMALL = {"classes": 10, "size": 28, "patch": 4, "channels": 1, "dim": 64, "depth": 5, "heads": 4, "mlp_ratio": 2.0}


def trained(model: str, dataset: str, sha256: str, then: str = "") -> Weights:
    """The weights that the recipe `MODEL-DATASET` makes, and another one `then`, from these: how, the README says."""
    return Weights(
        uri=f"pkg:zoo_vit/weights/{model}-{dataset}.safetensors",
        sha256=sha256,
        licence="Apache-2.0",
        source=f"recipe vit/{model}-{dataset}, {then and f'then {then} from these, '}seed 0",
        recipe=then or f"vit/{model}-{dataset}",
        classes=CLASSES[dataset],
    )


MODELS = [
    ModelSpec(
        name="vit-b16",
        summary="ViT-B/16 for 224x224 images, parameters named as timm's; 86,567,656 parameters",
        tasks=TASKS,
        modality="image",
        config={"classes": 1000},
        input=ImageInput(channels=3, size=(224, 224), crop_pct=0.9, crop_mode="center", interpolation="bicubic"),
        paper=PAPER,
    ),
    ModelSpec(
        name="vit-mini",
        summary="A vision Transformer for 28x28 images: 49 patches, five blocks of four heads; 172,490 parameters",
        tasks=TASKS,
        modality="image",
        config=SMALL,
        input=ImageInput(channels=1, size=(28, 28)),
        weights={
            "mnist": trained("vit-mini", "mnist", "4a2d4b2e1b43d40d60166b2e646d2351b4efd675c0b8d7cd2f2fbeee16cd530b"),
            "fashion-mnist": trained(
                "vit-mini",
                "fashion-mnist",
                "8afce27f1fe9cc91779acf3dfcf4b271f971cf86343494269a8fc04faecddd0d",
                then="hub/finetune",
            ),
        },
        paper=PAPER,
    ),
    ModelSpec(
        name="convnet-mini",
        summary="Four 3x3 convolutions as large as vit-mini, to measure it against; 168,810 parameters",
        tasks={"classify": "zoo_vit.convnet:ConvNet"},
        modality="image",
        config={"classes": 10},
        input=ImageInput(channels=1, size=(28, 28)),
        weights={
            "mnist": trained("convnet-mini", "mnist", "12f2adcd0d49b233187d451d260dd29b6cacbd324d88a0da376c385445ab5d71"),
            "fashion-mnist": trained(
                "convnet-mini", "fashion-mnist", "462cbc22c25ced2345c674275b4315567a07a52594016a5b306d213bed2a09de"
            ),
        },
    ),
]


def recipe(model: str, dataset: str, augment: tuple[str, ...]) -> RecipeSpec:
    """The same training of either network, so that they differ in nothing else."""
    return RecipeSpec(
        name=f"{model}-{dataset}",
        summary=f"{model} on {dataset}, slightly moved images; 25 minutes on one core",
        model=f"vit/{model}",
        dataset=f"data/{dataset}",
        epochs=20,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=0.05),
        schedule="onecycle",
        label_smoothing=0.05,
        clip_norm=1.0,
        augment=augment,
    )


RECIPES = [
    recipe(model, dataset, augment)
    for dataset, augment in (("mnist", ("affine:degrees=15,share=0.1",)), ("fashion-mnist", ("hflip", "crop:2")))
    for model in ("vit-mini", "convnet-mini")
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES


@hookimpl
def zoo_drawer(model: Any) -> Any:
    from zoo_vit.drawing import drawer

    return drawer(model)
