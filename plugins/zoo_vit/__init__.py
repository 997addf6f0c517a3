"""Topic 5: self-attention, vision Transformers, and what they look at."""

from typing import Any

from zoo import hookimpl
from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

PAPER = "Dosovitskiy et al. 2021, An image is worth 16x16 words: Transformers for image recognition at scale, arXiv:2010.11929"
TASKS = {"classify": "zoo_vit.vit:VisionTransformer", "embed": "zoo_vit.vit:VisionTransformerFeatures"}
SMALL = {"classes": 10, "size": 28, "patch": 4, "channels": 1, "dim": 64, "depth": 5, "heads": 4, "mlp_ratio": 2.0}


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
            "mnist": Weights.shipped(
                "vit/vit-mini-mnist", "4a2d4b2e1b43d40d60166b2e646d2351b4efd675c0b8d7cd2f2fbeee16cd530b", classes=DIGITS
            ),
            "fashion-mnist": Weights.shipped(
                "vit/vit-mini-fashion-mnist", "0b0ab6dbfa86287d90c6be9d2faada2c44318d75fa64811b28ba3a89dc35f90c", classes=CLOTHES
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
            "mnist": Weights.shipped(
                "vit/convnet-mini-mnist", "12f2adcd0d49b233187d451d260dd29b6cacbd324d88a0da376c385445ab5d71", classes=DIGITS
            ),
            "fashion-mnist": Weights.shipped(
                "vit/convnet-mini-fashion-mnist",
                "462cbc22c25ced2345c674275b4315567a07a52594016a5b306d213bed2a09de",
                classes=CLOTHES,
            ),
        },
    ),
]


def recipe(model: str, dataset: str, minutes: int = 25, **fields: Any) -> RecipeSpec:
    """The same training of either network, so that they differ in nothing else but `fields`."""
    alike = {
        "epochs": 20,
        "batch_size": 128,
        "optimizer": Optimizer(name="adamw", lr=2e-3, weight_decay=0.05),
        "augment": {"mnist": ("affine:degrees=15,share=0.1",), "fashion-mnist": ("hflip", "crop:2")}[dataset],
    }
    return RecipeSpec(
        name=f"{model}-{dataset}",
        summary=f"{model} on {dataset}, slightly moved images; {minutes} minutes on one core",
        model=f"vit/{model}",
        dataset=f"data/{dataset}",
        schedule="onecycle",
        label_smoothing=0.05,
        clip_norm=1.0,
        **alike | fields,
    )


TWICE_THE_STEPS = {
    "epochs": 30,
    "batch_size": 64,
    "optimizer": Optimizer(name="adamw", lr=1e-3, weight_decay=0.05),
    "augment": ("hflip",),
}
"""What the Transformer takes on clothes, where it is not through with the other's training."""

RECIPES = [
    recipe("vit-mini", "mnist"),
    recipe("convnet-mini", "mnist"),
    recipe("vit-mini", "fashion-mnist", 45, **TWICE_THE_STEPS),
    recipe("convnet-mini", "fashion-mnist"),
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
