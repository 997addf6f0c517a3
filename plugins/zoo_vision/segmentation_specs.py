"""Segmentation and edges: specs of models, benchmarks and recipes."""

from zoo.specs import BenchmarkSpec, ImageInput, ModelSpec, Optimizer, RecipeSpec

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="unet",
        summary="U-Net, narrow and shallow: encoder, decoder, and shortcuts between them; 482,907 parameters",
        tasks={"segment": "zoo_vision.unet:UNet"},
        modality="image",
        config={"classes": 11},
        input=ImageInput(channels=3),
        paper="Ronneberger, Fischer & Brox 2015, U-Net: convolutional networks for biomedical images, arXiv:1505.04597",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = []

RECIPES: list[RecipeSpec] = [
    RecipeSpec(
        name="unet-camvid",
        summary="U-Net on the CamVid training images, of which a few are held out: enlarged, mirrored and recoloured pieces",
        model="vision/unet",
        task="segment",
        dataset="data/camvid",
        trainer="zoo_vision.unet_trainer:train",
        epochs=70,
        batch_size=2,
        optimizer=Optimizer(name="adamw", lr=3e-3, weight_decay=1e-2),
        schedule="onecycle",
        class_weights="balanced",
        ema=0.98,
        validation=0.15,
        metric="miou",
        options={"crop": [192, 256], "scale": [0.7, 1.4], "colour": 0.3},
    ),
]
