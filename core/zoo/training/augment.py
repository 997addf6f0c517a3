"""Augmentations of image batches, by name: float32 [b, c, h, w] in [0, 1] in, the same out. Seeded, one draw an image.

A recipe lists them as text, applied in order: `"crop:4"`, `"hflip"`, `"affine:degrees=10,share=0.1"`.
"""

# Not torchvision's v2 transforms: these draw once for a whole batch, and from torch's global generator, so that an image's
# draw would hang on its batch, and the weights of the recipes shipped would be others.

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from zoo.errors import OptionError
from zoo.options import build_named

if TYPE_CHECKING:
    from torch import Generator, Tensor

Augment = Callable[["Tensor", "Generator"], "Tensor"]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NoOptions(_Options):
    """Of what has nothing to set."""


class Crop(_Options):
    """Of `crop`."""

    pixels: int = Field(ge=0, description="Most that an image is shifted by.")


class Affine(_Options):
    """Of `affine`."""

    degrees: float = Field(ge=0, description="Most that an image is turned by.")
    share: float = Field(default=0.0, ge=0, lt=1, description="Most that it is shifted by, of its size, and scaled by.")


class Cutout(_Options):
    """Of `cutout`."""

    pixels: float = Field(ge=0, description="Side of the square.")


class Noise(_Options):
    """Of `noise`."""

    deviation: float = Field(ge=0, description="Standard deviation, of pixels in [0, 1].")
    clip: bool = Field(default=True, description="Whether pixels are then cut to [0, 1].")


def build_augment(names: Sequence[str], modality: str = "image") -> Augment | None:
    """The augmentations of a recipe as one function, None where there are none. Raises OptionError where one is unknown."""
    if names and modality != "image":
        raise OptionError(f"cannot augment {modality} with {', '.join(names)}", "augmentations are for images only")
    steps = [parse_augment(name) for name in names]

    def apply(images: "Tensor", generator: "Generator") -> "Tensor":
        for step in steps:
            images = step(images, generator)
        return images

    return apply if steps else None


def parse_augment(text: str) -> Augment:
    """The augmentation written as `name`, `name:value` or `name:option=value,...`."""
    found = build_named(text, {name: declared for name, (_, declared) in AUGMENTATIONS.items()}, "augmentation")
    function, _ = AUGMENTATIONS[text.partition(":")[0]]
    return partial(function, **found.model_dump())


def hflip(images: "Tensor", generator: "Generator") -> "Tensor":
    """Mirror each image left to right with probability 1/2."""
    return _where(_coin(images, generator), images.flip(3), images)


def vflip(images: "Tensor", generator: "Generator") -> "Tensor":
    """Mirror each image top to bottom with probability 1/2."""
    return _where(_coin(images, generator), images.flip(2), images)


def rot90(images: "Tensor", generator: "Generator") -> "Tensor":
    """Turn each image, which must be square, by 0, 90, 180 or 270 degrees."""
    import torch

    if images.shape[2] != images.shape[3]:
        raise OptionError(f"rot90 needs square images, not {list(images.shape[2:])}", "give the recipe an input of square size")
    turns = torch.randint(4, (len(images),), generator=generator)
    turned = images
    for turn in (1, 2, 3):
        turned = _where(turns == turn, images.rot90(turn, (2, 3)), turned)
    return turned


def crop(images: "Tensor", generator: "Generator", pixels: int) -> "Tensor":
    """Shift each image by up to `pixels` in both directions: zeros are padded around it and a random window cut out.

    Source: He et al. 2016, section 4.2 (pixels = 4 for 32x32).
    """
    import torch
    from torch.nn.functional import pad

    batch, _, height, width = images.shape
    padded = pad(images, (pixels, pixels, pixels, pixels))
    offset = torch.randint(2 * pixels + 1, (2, batch, 1), generator=generator)
    rows, columns = offset[0] + torch.arange(height), offset[1] + torch.arange(width)
    picked = padded[torch.arange(batch)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def affine(images: "Tensor", generator: "Generator", degrees: float, share: float) -> "Tensor":
    """Rotate by up to `degrees`, shift by up to `share` of the size, scale by a factor in [1 - share, 1 + share].

    Each uniform and around the centre; bilinear, zeros outside.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    batch, _, height, width = images.shape
    draw = 2 * torch.rand(4, batch, generator=generator) - 1
    angle, scale = draw[0] * math.radians(degrees), 1 + share * draw[1]
    shift_x, shift_y = 2 * share * draw[2], 2 * share * draw[3]  # the image spans [-1, 1]
    cos, sin = angle.cos() / scale, angle.sin() / scale
    # Rotating in normalised coordinates shears an oblong image, unless the aspect ratio is put in.
    rows = torch.stack([cos, -sin * height / width, shift_x, sin * width / height, cos, shift_y], dim=1)
    grid = affine_grid(rows.view(batch, 2, 3), list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False).clamp_(0, 1)


def cutout(images: "Tensor", generator: "Generator", pixels: float) -> "Tensor":
    """Blacken a square of `pixels` around a random point, cut off at the border. Source: DeVries & Taylor 2017."""
    import torch

    batch, _, height, width = images.shape
    centre = torch.rand(2, batch, 1, generator=generator)
    rows = (torch.arange(height) + 0.5 - centre[0] * height).abs() <= pixels / 2
    columns = (torch.arange(width) + 0.5 - centre[1] * width).abs() <= pixels / 2
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def noise(images: "Tensor", generator: "Generator", deviation: float, clip: bool = True) -> "Tensor":
    """Add Gaussian noise of this standard deviation to every pixel, and clip, which randomised smoothing does not."""
    import torch

    noisy = images + deviation * torch.randn(images.shape, generator=generator)
    return noisy.clamp_(0, 1) if clip else noisy


AUGMENTATIONS: dict[str, tuple[Callable[..., "Tensor"], type[BaseModel]]] = {
    "hflip": (hflip, NoOptions),
    "vflip": (vflip, NoOptions),
    "rot90": (rot90, NoOptions),
    "crop": (crop, Crop),
    "affine": (affine, Affine),
    "cutout": (cutout, Cutout),
    "noise": (noise, Noise),
}
"""Name to function, and to its options."""


def _coin(images: "Tensor", generator: "Generator") -> "Tensor":
    import torch

    return torch.rand(len(images), generator=generator) < 0.5


def _where(which: "Tensor", then: "Tensor", other: "Tensor") -> "Tensor":
    import torch

    return torch.where(which[:, None, None, None], then, other)
