"""timm/NAME: any image model of timm as an embedder, by the features ahead of its classifier."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import ModelError, UnknownNameError
from zoo.specs import ImageInput, ModelSpec, Weights


class TimmEmbedder(nn.Module):
    """Features [b, d] of a timm model, pooled, ahead of the classifier. Its state dict is timm's own, classifier included."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, classes: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        import timm

        self.body: Any = timm.create_model(name, pretrained=False, num_classes=classes)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Vectors [b, d] of images [b, c, h, w] in [0, 1]."""
        features: Tensor = self.body.forward_features((images - self.mean) / self.std)
        vectors: Tensor = self.body.forward_head(features, pre_logits=True)
        return vectors.flatten(1)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(state_dict, strict=strict, assign=assign)


def resolve(name: str, rest: str) -> ModelSpec:
    """The spec of `timm/NAME`, with the preprocessing that timm declares. Raises UnknownNameError with the nearest names."""
    import timm

    architecture, _, tag = rest.partition(".")
    if not timm.is_model(architecture):
        near = [f"timm/{other}" for other in get_close_matches(rest, timm.list_models() + timm.list_pretrained(), 3)]
        hint = f"did you mean {' or '.join(near)}?" if near else "timm.list_models() lists them"
        raise UnknownNameError(f"timm {timm.__version__} has no model {rest!r}", hint, near)
    try:
        cfg = timm.get_pretrained_cfg(rest)
        declared = vars(cfg) if cfg else {}
    except RuntimeError as error:
        tags = [full for full in timm.list_pretrained() if full.startswith(f"{architecture}.")]
        raise UnknownNameError(f"timm's {architecture} has no weights {tag!r}", f"it has: {', '.join(tags)}", tags) from error
    channels = declared["input_size"][0]
    return ModelSpec(
        name=name,
        summary=f"{rest} of timm, {channels} channels of {declared['input_size'][1]}x{declared['input_size'][2]}",
        requires=("timm>=1.0",),
        tasks={"embed": "zoo_hub.embedding:TimmEmbedder"},
        modality="image",
        config={"name": rest, "classes": declared["num_classes"], "mean": declared["mean"], "std": declared["std"]},
        input=preprocessing(rest, declared),
        weights=published(rest, declared),
        paper=str(declared.get("paper_name") or ""),
    )


def preprocessing(name: str, declared: Mapping[str, Any]) -> ImageInput:
    """timm's evaluation transform, as `zoo.images` does it. Raises ModelError where it is of another kind."""
    channels, height, width = declared["input_size"]
    mode, interpolation = declared.get("crop_mode") or "center", declared["interpolation"]
    if channels not in (1, 3) or mode not in ("center", "squash") or interpolation not in ("bilinear", "bicubic", "nearest"):
        what = f"{channels} channels, crop {mode}, interpolation {interpolation}"
        raise ModelError(f"the preprocessing of timm's {name} cannot be done here: {what}", "run it as a model of your own")
    return ImageInput(
        channels=channels,
        size=(height, width),
        crop_pct=declared["crop_pct"],
        crop_mode=mode,
        interpolation=interpolation,
    )


def published(name: str, declared: Mapping[str, Any]) -> dict[str, Weights]:
    """The weights that timm names, which the hub or their author serve; none where it names none. No hash is published."""
    repository, _, revision = str(declared.get("hf_hub_id") or "").partition("@")
    file = declared.get("hf_hub_filename") or "model.safetensors"
    uri = f"hf://{repository}@{revision or 'main'}/{file}" if repository else declared.get("url")
    if not uri:
        return {}
    licence = str(declared.get("license") or "As its model card says.")
    return {"pretrained": Weights(uri=uri, sha256=None, licence=licence, source=f"timm {name}")}
