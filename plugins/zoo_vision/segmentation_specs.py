"""Segmentation and edges: specs of models, benchmarks and recipes."""

from zoo.specs import BenchmarkSpec, ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

CAMVID = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist")

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="unet",
        summary="U-Net, narrow and shallow: encoder, decoder, and shortcuts between them; 482,907 parameters",
        tasks={"segment": "zoo_vision.unet:UNet"},
        modality="image",
        config={"classes": 11},
        input=ImageInput(channels=3),
        weights={
            "camvid": Weights.shipped(
                "vision/unet-camvid",
                "b2024b66dace823d6e15bcfdd4eccaf3fdfb62e488721ac4b890043fc006e276",
                licence="CC-BY-NC-4.0, as the 23 training images of CamVid that it learnt from",
                classes=CAMVID,
            )
        },
        paper="Ronneberger, Fischer & Brox 2015, U-Net: convolutional networks for biomedical images, arXiv:1505.04597",
    ),
    ModelSpec(
        name="sobel",
        summary="Magnitude of the smoothed image's gradient (Sobel's kernels), by scikit-image",
        tasks={"segment": "zoo_vision.edges:Sobel"},
        modality="image",
        input=ImageInput(channels=1),
        options="zoo_vision.edges:SobelOptions",
        requires=("scikit-image>=0.22",),
        paper="Sobel & Feldman 1968, A 3x3 isotropic gradient operator for image processing",
    ),
    ModelSpec(
        name="canny",
        summary="Canny's edges at many thresholds, by scikit-image",
        tasks={"segment": "zoo_vision.edges:Canny"},
        modality="image",
        input=ImageInput(channels=1),
        options="zoo_vision.edges:CannyOptions",
        requires=("scikit-image>=0.22",),
        paper="Canny 1986, A computational approach to edge detection, IEEE PAMI 8(6)",
    ),
    ModelSpec(
        name="pidinet",
        summary="PiDiNet: pixel difference convolutions, with attention and dilation (table 5); 710,149 parameters",
        tasks={"segment": "zoo_vision.pidinet:PiDiNet"},
        modality="image",
        input=ImageInput(channels=3),
        weights={
            "bsds500": Weights(
                uri="https://github.com/zhuoinoulu/pidinet/raw/3df994747df9dc380e7b79ebb5ab17f3b17d9ebc/"
                "trained_models/table5_pidinet.pth",
                sha256="80860ac267258b5f27486e0ef152a211d0b08120f62aeb185a050acc30da486c",
                licence="Research only; commercial use by contacting the authors.",
                source="Zhuo Su et al. 2021, trained on BSDS500 (train, val) and PASCAL VOC; published ODS .807, OIS .823",
            )
        },
        paper="Su et al. 2021, Pixel difference networks for efficient edge detection, arXiv:2108.07009",
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
        epochs=60,
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
