"""Segmenters by name: `torchvision/NAME` of torchvision.models.segmentation, `hf/REPOSITORY` and `hf/FOLDER` as SegFormer."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from zoo.imaging import Normalise
from zoo.specs import ImageInput, ModelSpec, Weights
from zoo_hub.folder import FolderModel, image_processor
from zoo_hub.wrapping import Wrapped


class TorchvisionSegmenter(Wrapped):
    """A segmenter of torchvision with the preprocessing of its weights. Its state dict is torchvision's own.

    Images are resized so that the shorter side has `shorter` pixels, as torchvision's `SemanticSegmentation` does; the logits
    are of that size. `config` is what torchvision's builder takes besides, such as `aux_loss`.
    """

    def __init__(
        self, name: str, classes: int, shorter: int, mean: Sequence[float], std: Sequence[float], config: Mapping[str, Any]
    ) -> None:
        super().__init__()
        from torchvision import models

        self.shorter = shorter
        self.body = models.get_model(name, weights=None, weights_backbone=None, num_classes=classes, **config)
        self.normalise = Normalise(mean, std)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes, h', w'] of images [b, 3, h, w] in [0, 1]."""
        from torchvision.transforms.v2.functional import resize

        resized = resize(images, [self.shorter], antialias=True)
        logits: Tensor = self.body(self.normalise(resized))["out"]
        return logits


def resolve_torchvision(name: str, rest: str) -> ModelSpec | None:
    """The spec of `torchvision/NAME`, with weights, classes and preprocessing as torchvision declares; or None."""
    from torchvision import models

    if rest not in models.list_models(module=models.segmentation):
        return None
    declared = list(models.get_model_weights(rest))
    latest = declared[-1]
    transform = latest.transforms()
    return ModelSpec(
        name=name,
        summary=f"{rest} of torchvision, {latest.meta['num_params']:,} parameters",
        requires=("torchvision>=0.25",),
        tasks={"segment": "zoo_hub.segmentation:TorchvisionSegmenter"},
        modality="image",
        config={
            "name": rest,
            "classes": len(latest.meta["categories"]),
            "shorter": transform.resize_size[0],
            "mean": list(transform.mean),
            "std": list(transform.std),
            "config": {} if rest.startswith("lraspp") else {"aux_loss": True},  # of which the published weights have parameters
        },
        input=ImageInput(channels=3),
        weights={
            entry.name.lower(): Weights(
                uri=entry.url,
                sha256=None,
                licence="BSD-3-Clause, as torchvision; trained on COCO with the classes of PASCAL VOC.",
                source=f"torchvision {type(entry).__name__}.{entry.name}, {entry.meta['recipe']}",
                classes=tuple(entry.meta["categories"]),
            )
            for entry in declared
        },
    )


class TransformersSegmenter(FolderModel):
    """A segmenter of transformers with the preprocessing of its own folder."""

    auto = "AutoModelForSemanticSegmentation"
    kind = "segmenter"

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes, h', w'] of images [b, 3, h, w] in [0, 1]."""
        bytes_ = [(image * 255).round().byte() for image in images]  # resized as they were in training
        processor = image_processor(str(self.folder), self.files)
        prepared = processor(images=bytes_, return_tensors="pt", input_data_format="channels_first")
        logits: Tensor = self.body(**prepared.to(next(self.body.parameters()).device)).logits
        return logits
