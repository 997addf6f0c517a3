"""Detectors by name: `torchvision/NAME` of torchvision.models.detection, `hf/REPOSITORY` and `hf/FOLDER` of the DETR family."""

from collections.abc import Sequence

from torch import Tensor, nn

from zoo.specs import ImageInput, ModelSpec, Weights
from zoo.tasks import Boxes
from zoo_hub.folder import FolderModel, image_processor
from zoo_hub.wrapping import Wrapped


class TorchvisionDetector(Wrapped):
    """A detector of torchvision, which normalises and resizes inside. Its state dict is torchvision's own.

    `frozen_eps` replaces the epsilon of the backbone's batch normalisation, which torchvision does for its oldest weights.
    """

    def __init__(self, name: str, classes: int, frozen_eps: float | None = None) -> None:
        super().__init__()
        from torchvision import models

        self.body = models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)
        if frozen_eps is not None:
            for layer in self.body.backbone.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eps = frozen_eps

    def forward(self, images: Sequence[Tensor]) -> list[Boxes]:
        """Boxes of images [3, h, w] in [0, 1], of any size.

        One image a pass: torchvision fills those of a batch up to the size of the largest, and what it finds hangs on that.
        """
        results = [self.body([image])[0] for image in images]
        return [Boxes(found["boxes"], found["labels"], found["scores"]) for found in results]


def resolve_torchvision(name: str, rest: str) -> ModelSpec | None:
    """The spec of `torchvision/NAME`, with the weights and classes that torchvision declares; None where it is no detector."""
    from torchvision import models

    if rest not in models.list_models(module=models.detection):
        return None
    declared = list(models.get_model_weights(rest))
    # Trained with frozen batch normalisation, these oldest weights have their epsilon folded in; see torchvision's builders.
    folded = rest in ("fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
    weights = {
        entry.name.lower(): Weights(
            uri=entry.url,
            sha256=None,
            licence="BSD-3-Clause, as torchvision; trained on COCO.",
            source=f"torchvision {type(entry).__name__}.{entry.name}, {entry.meta['recipe']}",
            classes=tuple(entry.meta["categories"]),
            config={"frozen_eps": 0.0} if folded and entry.name == "COCO_V1" else {},
        )
        for entry in declared
    }
    return ModelSpec(
        name=name,
        summary=f"{rest} of torchvision, {declared[-1].meta['num_params']:,} parameters",
        requires=("torchvision>=0.25",),
        tasks={"detect": "zoo_hub.detection:TorchvisionDetector"},
        modality="image",
        config={"name": rest, "classes": len(declared[-1].meta["categories"])},
        input=ImageInput(channels=3),
        weights=weights,
    )


class TransformersDetector(FolderModel):
    """A detector of transformers with the preprocessing of its own folder."""

    auto = "AutoModelForObjectDetection"
    kind = "detector"

    def forward(self, images: Sequence[Tensor]) -> list[Boxes]:
        """Boxes of images [3, h, w] in [0, 1], of any size; all that the model proposes, however unsure.

        One image a pass: processors fill those of a batch up to the size of the largest, and what is found hangs on that.
        """
        return [self._boxes(image) for image in images]

    def _boxes(self, image: Tensor) -> Boxes:
        bytes_ = (image * 255).round().byte()  # resized as they were in training
        processor = image_processor(str(self.folder), self.files)
        prepared = processor(images=[bytes_], return_tensors="pt", input_data_format="channels_first")
        said = self.body(**prepared.to(next(self.body.parameters()).device))
        size = [tuple(image.shape[1:])]
        found = processor.post_process_object_detection(said, threshold=0.0, target_sizes=size)[0]
        return Boxes(found["boxes"], found["labels"], found["scores"])
