"""Corrupting one image. All that is drawn follows from the id of the clean image alone."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.imaging import Degradation, prepare_image, to_uint8
from zoo.seeds import sample_seed
from zoo_robust.corruptions.severities import SEVERITIES, SMALL

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = np.ndarray[Any, Any]


def corrupted(image: "Tensor", corruption: str, severity: int, image_id: str) -> "Tensor":
    """The image under a corruption of severity 1 to 5, uint8 [c, h, w]; `image` is [1 or 3, h, w], uint8 or float in [0, 1].

    The result has 8 bits, as a camera's would. An image meets the same noise, direction and place at every severity, in every
    run and for every model. Corruptions of one image are drawn independently.
    """
    import torch

    clean = prepare_image(image, None)
    small = min(clean.shape[1:]) <= SMALL
    numbers = SEVERITIES[corruption].small if small else SEVERITIES[corruption].large
    changed = _CORRUPT[corruption](clean.numpy(), numbers[severity - 1], f"corrupt/{corruption}/{image_id}")
    return to_uint8(torch.from_numpy(np.ascontiguousarray(changed, dtype=np.float32)))


def _noise(image: Array, sigma: float, name: str) -> Array:
    import torch

    return np.asarray(Degradation(sigma=sigma)(torch.from_numpy(image), name).image.numpy())


def _blur(image: Array, sigma: float, name: str) -> Array:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, (0, sigma, sigma), mode="nearest"))


def _contrast(image: Array, kept: float, name: str) -> Array:
    mean = image.mean(axis=(1, 2), keepdims=True)
    return np.asarray((image - mean) * kept + mean)


def _brightness(image: Array, added: float, name: str) -> Array:
    """The value of HSV is the largest channel; with hue and saturation kept the channels keep their proportions."""
    value = image.max(axis=0, keepdims=True)
    brighter = np.minimum(value + added, 1)
    return np.asarray(np.where(value > 0, image * (brighter / np.where(value > 0, value, 1)), brighter))


def _jpeg(image: Array, quality: float, name: str) -> Array:
    from PIL import Image

    content = BytesIO()
    _to_pil(image).save(content, "JPEG", quality=int(quality))
    with Image.open(content) as picture:
        return _from_pil(picture)


def _pixelation(image: Array, share: float, name: str) -> Array:
    from PIL.Image import Resampling

    picture = _to_pil(image)
    width, height = (max(1, int(side * share)) for side in picture.size)
    return _from_pil(picture.resize((width, height), Resampling.BOX).resize(picture.size, Resampling.BOX))


def _rotation(image: Array, degrees: float, name: str) -> Array:
    """Bilinear, about the centre; what comes in from outside is the image mirrored at its edges."""
    from scipy.ndimage import rotate

    angle = degrees if sample_seed(0, name) % 2 else -degrees
    return np.asarray(rotate(image, angle, axes=(2, 1), reshape=False, order=1, mode="reflect"))


def _occlusion(image: Array, share: float, name: str) -> Array:
    """Grey 0.5, somewhere within the image; a larger rectangle covers a smaller one."""
    covered, (height, width) = image.copy(), image.shape[1:]
    rows, columns = (_span(side, share, sample_seed(0, f"{name}/{axis}")) for side, axis in ((height, "y"), (width, "x")))
    covered[:, rows, columns] = 0.5
    return covered


def _span(side: int, share: float, seed: int) -> slice:
    """`share` of a side, where the seed says; one pixel at least."""
    before = (seed / 2**63) * (1 - share)
    start = int(before * side)
    return slice(start, max(start + 1, round((before + share) * side)))


def _to_pil(image: Array) -> "Image":
    from PIL import Image

    pixels = np.round(image * 255).astype(np.uint8)
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _from_pil(picture: "Image") -> Array:
    pixels = np.asarray(picture, dtype=np.float32) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


_CORRUPT: dict[str, Callable[[Array, float, str], Array]] = {
    "gaussian-noise": _noise,
    "blur": _blur,
    "contrast": _contrast,
    "brightness": _brightness,
    "jpeg": _jpeg,
    "pixelation": _pixelation,
    "rotation": _rotation,
    "occlusion": _occlusion,
}
"""Each is called with the image float32 [c, h, w] in [0, 1], the severity's number, and a name that seeds what it draws."""
