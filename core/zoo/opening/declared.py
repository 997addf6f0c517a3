"""What pixels a user's own module is given: as the caller says, as the module declares, which those of timm do, or raw."""

import warnings
from collections.abc import Mapping
from typing import Any

from zoo.errors import ModelError
from zoo.specs import ImageInput, Modality, TaskName
from zoo.tasks.base import ModelInfo

TASKS: tuple[TaskName, ...] = ("classify", "embed", "segment")
"""Whose networks are made for images of one size and normalisation; what detects or restores takes them as they are."""
INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


def pixels(
    module: Any, given: ImageInput | None, known: ModelInfo | None, task: str, modality: Modality | None
) -> tuple[ImageInput | None, tuple[str, ...]]:
    """How images are prepared for a module, and what is to be said of it. What `given` leaves open is as the module declares.

    `known` is what `zoo.load` told of it. Raises ModelError where it declares what cannot be done here.
    """
    if known is not None or modality != "image" or task not in TASKS:
        return given or (known.input if known else None), ()
    who, said = type(module).__name__, given.model_fields_set if given else set()
    try:
        declared = of_module(module)
    except ModelError:
        if not said >= {"size", "mean", "std"}:
            raise
        declared = None
    if declared is not None:
        want = ImageInput(**{**declared.model_dump(), **{name: getattr(given, name) for name in said}})
        but = ", but for what the caller said" if said else ""
        return want, (f"{who} was given {in_words(want)}, as its pretrained_cfg declares{but}",)
    if given is not None:
        return given, (f"{who} was given {in_words(given)}",)
    text = f"{who} declares no preprocessing, so it was given {in_words(ImageInput())}"
    if hasattr(module, "state_dict"):
        warnings.warn(f"{text}; input=zoo.ImageInput(size=…, mean=…, std=…) prepares them otherwise", stacklevel=4)
    return None, (text,)


def normalised(model: Any, want: ImageInput | None) -> Any:
    """A module behind the normalisation that is asked for, if any is."""
    if want is None or want.mean is None or want.std is None:
        return model
    from zoo.imaging.normalise import Normalised

    return Normalised(model, want.mean, want.std).eval()


def of_module(module: Any) -> ImageInput | None:
    """What a module declares, with its normalisation; None where it declares nothing.

    Raises ModelError where it declares what cannot be done here, or what its first layer contradicts.
    """
    cfg = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if not isinstance(cfg, Mapping) or not cfg.get("input_size"):
        return None
    import timm

    library: Any = timm.data
    data = library.resolve_data_config(pretrained_cfg=dict(cfg))
    who = f"your {type(module).__name__}"
    declared, taken = data["input_size"][0], _channels(module, cfg)
    if taken not in (None, declared):
        raise ModelError(
            f"{who} declares {declared} channels in its pretrained_cfg, but its first layer takes {taken}",
            "give input=zoo.ImageInput(channels=…, size=…, mean=…, std=…)",
        )
    want = timm_input(who, data)
    return ImageInput(**{**want.model_dump(), "mean": tuple(data["mean"]), "std": tuple(data["std"])})


def timm_input(name: str, data: Mapping[str, Any]) -> ImageInput:
    """timm's evaluation transform but for its normalisation, of a resolved data config. Raises ModelError for other kinds."""
    channels, height, width = data["input_size"]
    mode, interpolation = data.get("crop_mode") or "center", data["interpolation"]
    share = data["crop_pct"]
    if channels not in (1, 3) or mode not in ("center", "squash") or interpolation not in INTERPOLATIONS or share > 1:
        what = f"{channels} channels, crop {mode} of {share}, interpolation {interpolation}"
        raise ModelError(
            f"the preprocessing of timm's {name} cannot be done here: {what}",
            "run it as a model of your own, with input=zoo.ImageInput(…)",
        )
    return ImageInput(channels=channels, size=(height, width), crop_pct=share, crop_mode=mode, interpolation=interpolation)


def in_words(want: ImageInput) -> str:
    """What pixels a network is given, in words."""
    if want.size is None:
        shape = "images at their own sizes"
    else:
        kept = f", the centre crop of {want.crop_pct:g}" if want.crop_mode == "center" else ""
        shape = f"images of {want.size[0]}x{want.size[1]} ({want.interpolation}{kept})"
    return f"{shape}, " + (f"normalised by mean {want.mean} and std {want.std}" if want.mean else "in [0, 1], not normalised")


def _channels(module: Any, cfg: Mapping[str, Any]) -> int | None:
    """Channels of the layer that timm names as the first; None where it names none."""
    first = cfg.get("first_conv")
    try:
        layer = module.get_submodule(first[0] if isinstance(first, (list, tuple)) else first)
    except (AttributeError, TypeError, IndexError):
        return None
    channels: int | None = getattr(layer, "in_channels", None)
    return channels
