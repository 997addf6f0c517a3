"""Degradations: how a benchmark makes, from a clean picture, the noisy or small one that a model is to restore."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BaseModel, Field

from zoo.errors import OptionError
from zoo.imaging.matlab_resize import imresize
from zoo.options import build_named
from zoo.seeds import sample_seed
from zoo.specs import Frozen

if TYPE_CHECKING:
    from torch import Tensor


class Noise(Frozen):
    """White Gaussian noise."""

    sigma: Annotated[float, Field(gt=0, le=255, description="Standard deviation in grey levels of 255.")]


class Bicubic(Frozen):
    """A picture reduced by MATLAB's bicubic."""

    scale: Annotated[int, Field(ge=2, le=16, description="By how much.")]


KINDS: dict[str, type[BaseModel]] = {"noise": Noise, "bicubic": Bicubic}


class Degraded(NamedTuple):
    """A picture to restore, and what is known of how it was spoilt.

    `image` float32 [c, h, w], nominally in [0, 1]; noise takes it beyond. Wanted is an image [c, scale·h, scale·w].
    `sigma` is the standard deviation of its noise, in units of that range; 0 where it has none.
    """

    image: "Tensor"
    scale: int = 1
    sigma: float = 0.0


@dataclass(frozen=True)
class Degradation:
    """What is done to a clean picture. Written `noise:25` (sigma in grey levels of 255) or `bicubic:3` (scale)."""

    scale: int = 1
    sigma: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Degradation":
        """Raises OptionError where the text names no degradation."""
        try:
            found = build_named(text, KINDS, "degradation")
        except OptionError as error:
            hint = "write noise:SIGMA with SIGMA up to 255, or bicubic:SCALE with SCALE 2 to 16"
            raise OptionError(f"there is no degradation {text!r}", hint) from error
        return cls(sigma=found.sigma / 255) if isinstance(found, Noise) else cls(scale=getattr(found, "scale", 1))

    def __call__(self, clean: "Tensor", sample_id: str) -> Degraded:
        """The picture spoilt. `clean` is float32 [c, h, w] in [0, 1]. Raises ValueError where it is smaller than the scale.

        Noise is white and Gaussian, added without clipping or rounding, as Zhang et al. 2017 (DnCNN) measure it. Its seed is
        the sample's id alone, so every model in every run meets the same noise; NumPy draws it, whose stream is the same on
        every processor. A small picture is made of the 8-bit one, cropped from the top left to a multiple of the scale, by
        MATLAB's bicubic `imresize`, and has 8 bits itself, as is the custom since Timofte et al. 2013.
        """
        if self.scale == 1:
            return Degraded(clean + _noise(clean, self.sigma, sample_id), 1, self.sigma)
        height, width = (length // self.scale for length in clean.shape[1:])
        if 0 in (height, width):
            raise ValueError(f"it is {list(clean.shape[1:])} pixels large, too small to be reduced by {self.scale}")
        whole = to_uint8(clean[:, : height * self.scale, : width * self.scale])
        return Degraded(imresize(whole, (height, width)).float() / 255, self.scale, 0.0)


def to_uint8(image: "Tensor") -> "Tensor":
    """An image in [0, 1] in steps of 1/255, clipped and rounded: uint8."""
    import torch

    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def _noise(clean: "Tensor", sigma: float, sample_id: str) -> "Tensor":
    import numpy as np
    import torch

    # Not the seed of a run's sample: a model that draws noise of its own must not draw the very noise that it is to remove.
    drawn = np.random.default_rng(sample_seed(0, f"degrade/{sample_id}")).standard_normal(tuple(clean.shape))
    return torch.from_numpy(drawn).mul_(sigma).to(clean)
