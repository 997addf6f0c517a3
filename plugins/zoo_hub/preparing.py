"""The preprocessing that a folder of transformers declares, in our terms."""

from typing import Any

from zoo.errors import ModelError
from zoo.imaging import prepare_image
from zoo.opening import timm_input
from zoo.specs import ImageInput
from zoo_hub.folder import image_processor
from zoo_hub.source import Source, described

PROBES = ((3, 300, 401), (3, 417, 290))
"""Shapes of the images on which ours is compared to theirs."""
NEAR = 0.01
"""Mean difference of [0, 1] pixels that passes: two libraries round and resize a little differently."""
_INTERPOLATIONS = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Of Pillow's numbers."""


def declared_preprocessing(source: Source) -> tuple[ImageInput, dict[str, list[float]]]:
    """How images come to the model, and its normalisation, `mean` and `std`.

    What is made of the declaration is tried beside transformers' own processor on two images. Raises ModelError where it is
    of a kind that cannot be told as an `ImageInput`.
    """
    processor = image_processor(str(source.folder), described(source.folder))
    timm_config = getattr(processor, "pretrained_cfg", None)
    try:
        want, mean, std = _of_timm(source.rest, timm_config) if timm_config else _of(processor)
        apart = max(_difference(processor, want, mean, std, shape) for shape in PROBES)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _other_kind(source, f"{type(error).__name__}: {error}") from error
    if not apart <= NEAR:
        raise _other_kind(source, f"{want.model_dump(mode='json')} comes out otherwise, by {apart:.2g} on average")
    return want, {"mean": mean, "std": std}


def _of(processor: Any) -> tuple[ImageInput, list[float], list[float]]:
    """By the attributes that most processors of transformers share."""
    from zoo_hub.classification import crop_share

    size, crop = processor.size, getattr(processor, "crop_size", None)
    crops, share = getattr(processor, "do_center_crop", False), 1.0
    if not getattr(processor, "do_resize", True):
        raise ValueError("images are not resized")
    if "shortest_edge" in size:
        shorter, declared = size["shortest_edge"], getattr(processor, "crop_pct", None)
        if declared is not None:  # ConvNeXt: from 384 pixels on, the whole image
            final, mode, share = (shorter, shorter), "squash" if shorter >= 384 else "center", declared if shorter < 384 else 1.0
        else:
            if not crops or crop is None:
                raise ValueError("images keep their aspect, so a batch has none")
            final, mode = (crop["height"], crop["width"]), "center"
            share = crop_share(crop["height"], shorter)
    else:
        final, mode = (size["height"], size["width"]), "squash"
        if crops and crop is not None and (crop["height"], crop["width"]) != final:
            share = crop_share(crop["height"], size["height"])
            final = (crop["height"], crop["width"])
    channels = 3
    mean, std = ([0.0] * channels, [1.0] * channels)
    if getattr(processor, "do_normalize", False):
        mean, std = list(map(float, processor.image_mean)), list(map(float, processor.image_std))
    want = ImageInput(
        channels=3,
        size=final,
        crop_pct=share,
        crop_mode=mode,
        crop_offset="floor" if mode == "center" or share < 1 else "round",
        interpolation=_INTERPOLATIONS[int(processor.resample)],
    )
    return want, mean, std


def _of_timm(name: str, cfg: dict[str, Any]) -> tuple[ImageInput, list[float], list[float]]:
    """Of a model of timm in transformers' clothes, whose processor holds timm's own declaration."""
    import timm

    library: Any = timm.data
    data = library.resolve_data_config(pretrained_cfg=cfg)
    return timm_input(name, data), list(data["mean"]), list(data["std"])


def _difference(processor: Any, want: ImageInput, mean: list[float], std: list[float], shape: tuple[int, ...]) -> float:
    """Mean absolute difference between ours and theirs on a smooth coloured image, in [0, 1]; infinite where shapes differ."""
    import numpy as np
    import torch
    from PIL import Image

    _, height, width = shape
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x) * np.cos(7 * y)], axis=-1)
    image = (255 * pixels).round().astype(np.uint8)
    theirs = processor(images=Image.fromarray(image), return_tensors="pt")["pixel_values"][0]
    ours = prepare_image(torch.from_numpy(image).permute(2, 0, 1), want)
    if ours.shape != theirs.shape:
        return float("inf")
    back = theirs * torch.tensor(std).view(-1, 1, 1) + torch.tensor(mean).view(-1, 1, 1)
    return float((ours - back).abs().mean())


def _other_kind(source: Source, why: str) -> ModelError:
    return ModelError(
        f"the preprocessing of {source.rest} cannot be done here: {why}", "load it yourself and pass the model to zoo.evaluate"
    )
