"""Classifiers by name: `torchvision/NAME` of torchvision.models, and images and texts of transformers by folder or repository."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.specs import ImageInput, ModelSpec, Weights
from zoo_hub.folder import FolderModel
from zoo_hub.imagenet import ids_of
from zoo_hub.texts import Reader, window_of
from zoo_hub.wrapping import Normalise, Wrapped


class TorchvisionClassifier(Wrapped):
    """Logits [b, classes] of images [b, 3, h, w] in [0, 1], by a classifier of torchvision."""

    def __init__(self, name: str, classes: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        from torchvision import models

        # With its auxiliary heads where it has them, since the published weights do.
        heads = {"aux_logits": True, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
        self.body = models.get_model(name, weights=None, num_classes=classes, **heads)
        if heads:
            self.body.transform_input = True  # of the weights' own training; torchvision sets it when it loads them
        self.normalise = Normalise(mean, std)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(self.normalise(images))
        return logits


def resolve_torchvision(name: str, rest: str) -> ModelSpec | None:
    """The spec of `torchvision/NAME`, with weights, classes and preprocessing as torchvision declares; None where it is else."""
    from torchvision import models

    if rest not in models.list_models(module=models):
        return None
    declared = [entry for entry in models.get_model_weights(rest) if entry.meta["categories"]]  # some are features alone
    weights = {entry.name.lower(): _weights(entry) for entry in declared}
    latest = weights[declared[-1].name.lower()]
    return ModelSpec(
        name=name,
        summary=f"{rest} of torchvision, {declared[-1].meta['num_params']:,} parameters",
        requires=("torchvision>=0.25",),
        tasks={"classify": "zoo_hub.classification:TorchvisionClassifier"},
        modality="image",
        config={"name": rest, **latest.config},
        input=latest.input,
        weights=weights,
    )


def _weights(entry: Any) -> Weights:
    transform, categories = entry.transforms(), entry.meta["categories"]
    crop, shorter = transform.crop_size[0], transform.resize_size[0]
    return Weights(
        uri=entry.url,
        sha256=None,
        licence="CC-BY-NC-4.0" if "SWAG" in entry.name else "BSD-3-Clause, as torchvision; trained on ImageNet.",
        source=f"torchvision {type(entry).__name__}.{entry.name}, {entry.meta['recipe']}",
        classes=tuple(categories),
        class_ids=ids_of(categories),
        config={"classes": len(categories), "mean": list(transform.mean), "std": list(transform.std)},
        input=ImageInput(
            channels=3,
            size=(crop, crop),
            crop_pct=crop_share(crop, shorter),
            crop_mode="center",
            interpolation=transform.interpolation.value,
        ),
    )


def crop_share(crop: int, shorter: int) -> float:
    """The share of the resized image that the crop keeps: the greatest for which floor(crop / share) is `shorter`."""
    share = crop / shorter
    return share if math.floor(crop / share) == shorter else math.nextafter(share, 0)


class TransformersImageClassifier(FolderModel):
    """Logits [b, classes] of images [b, c, h, w] in [0, 1], prepared as the folder's own processor does."""

    auto = "AutoModelForImageClassification"
    kind = "classifier"

    def __init__(
        self, source: str, mean: Sequence[float], std: Sequence[float], files: str | None = None, classes: int | None = None
    ) -> None:
        super().__init__(source, files, classes)
        self.normalise = Normalise(mean, std)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(pixel_values=self.normalise(images)).logits
        return logits


class TransformersTextClassifier(FolderModel):
    """Logits [b, classes] of b texts."""

    auto = "AutoModelForSequenceClassification"
    kind = "classifier"

    def __init__(
        self,
        source: str,
        overflow: str = "truncate",
        window: int | None = None,
        files: str | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__(source, files, classes)
        self.reader = Reader(self.folder, self.files, window_of(self.folder, self.files, self.body.config, window), overflow)

    def forward(self, texts: Sequence[str]) -> Tensor:
        logits: list[Tensor | None] = [None] * len(texts)
        for part, tokens in self.reader.passes(texts, next(self.body.parameters()).device):
            for i, row in zip(part, self.body(**tokens).logits, strict=True):
                logits[i] = row
        return torch.stack([row for row in logits if row is not None])
