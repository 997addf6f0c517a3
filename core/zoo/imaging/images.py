"""Preparing images: channels, range, resize and crop, as the model declares them; and stacking them into a batch."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.specs import ImageInput

if TYPE_CHECKING:
    from torch import Tensor


def prepare_image(image: "Tensor", want: ImageInput | None) -> "Tensor":
    """An image [c, h, w], uint8 or float in [0, 1], as float32 [c', h', w'] in [0, 1].

    Resizing is antialiased and works on the uint8 image where there is one, as torchvision's transforms do. Sizes and crops
    are those of timm's evaluation transform. Raises ValueError where `image` is not an image or out of range.
    """
    import torch

    if image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in image.shape:
        raise ValueError(f"an image must be [1 or 3, h, w], not {list(image.shape)}")
    _check_range(image)
    if want is not None:
        image = _to_channels(image, want.channels)
        image = _to_size(image, want)
    if image.dtype == torch.uint8:
        return image.float().div_(255)
    return image.float().clamp(0, 1)


def prepare_images(images: "Tensor", want: ImageInput | None) -> "Tensor | None":
    """Images [n, c, h, w] as `prepare_image` makes each; None where they are to be resized or a channel is to be made of others.

    Raises ValueError where one is no image.
    """
    import torch

    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"images must be [n, 1 or 3, h, w], not {list(images.shape)}")
    if want is not None and (want.channels not in (None, images.shape[1]) or want.size not in (None, tuple(images.shape[2:]))):
        return None
    _check_range(images)
    return images.float().div_(255) if images.dtype == torch.uint8 else images.float().clamp(0, 1)


def stack(inputs: "Sequence[Tensor]") -> "Tensor | list[Tensor]":
    """One tensor [b, ...] where all are such and have one shape, else the list as it is."""
    import torch

    if not all(isinstance(item, torch.Tensor) for item in inputs) or len({item.shape for item in inputs}) > 1:
        return list(inputs)
    return torch.stack(list(inputs))


def _check_range(image: "Tensor") -> None:
    import torch

    if image.dtype == torch.uint8:
        return
    if not image.is_floating_point():
        raise ValueError(f"an image must be uint8 or floating point, not {image.dtype}")
    low, high = (float(bound) for bound in image.aminmax())
    if not (low >= -1e-4 and high <= 1 + 1e-4):
        raise ValueError(f"a floating-point image must lie in [0, 1], not [{low:g}, {high:g}]")


def _to_channels(image: "Tensor", channels: int | None) -> "Tensor":
    """Grey repeated to RGB, or RGB to its luma (ITU-R BT.601), rounded: truncated, a grey image as RGB would come out darker."""
    import torch

    if channels is None or image.shape[0] == channels:
        return image
    if channels == 3:
        return image.expand(3, -1, -1)
    luma = (image.float() * torch.tensor((0.299, 0.587, 0.114)).view(3, 1, 1)).sum(0, keepdim=True)
    return luma.round().to(image.dtype) if image.dtype == torch.uint8 else luma.to(image.dtype)


def _to_size(image: "Tensor", want: ImageInput) -> "Tensor":
    if want.size is None:
        return image
    height, width = want.size
    resized = math.floor(height / want.crop_pct), math.floor(width / want.crop_pct)
    image = _resize(image, resized if want.crop_mode == "squash" else _covering(image, *resized), want)
    whole = round if want.crop_offset == "round" else math.floor
    top, left = whole((image.shape[1] - height) / 2), whole((image.shape[2] - width) / 2)
    return image[:, top : top + height, left : left + width]


def _covering(image: "Tensor", height: int, width: int) -> tuple[int, int]:
    """The smallest size of the image's own aspect that covers (height, width), rounded as torchvision and timm round it."""
    h, w = image.shape[1:]
    if height == width:
        return (height, int(width * w / h)) if h <= w else (int(height * h / w), width)
    ratio = min(h / height, w / width)
    return max(height, round(h / ratio)), max(width, round(w / ratio))


def _resize(image: "Tensor", size: tuple[int, int], want: ImageInput) -> "Tensor":
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import resize

    if tuple(image.shape[1:]) == size:
        return image
    resized: Tensor = resize(image, list(size), InterpolationMode(want.interpolation), antialias=True)
    return resized
