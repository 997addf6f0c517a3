"""Edge detectors of the textbook: the gradient's magnitude, and Canny's. Both through scikit-image."""

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]

GAIN = 3.5
"""A step from black to white, smoothed as by default, has a gradient of 0.27 in scikit-image's units; so none is cut off."""
TOP = 0.8
"""The highest of Canny's upper thresholds, in scikit-image's units: a step from black to white is 4 before smoothing."""


class SobelOptions(BaseModel):
    """Options of `vision/sobel`."""

    model_config = ConfigDict(extra="forbid")
    sigma: float = Field(default=2.0, ge=0, description="Standard deviation, in pixels, of the Gaussian that smooths first.")


class Sobel:
    """Maps [b, 1, h, w] in [0, 1]: the magnitude of the gradient of the smoothed grey image, times 3.5, cut off at 1.

    Source: Sobel & Feldman 1968, A 3x3 isotropic gradient operator for image processing.
    """

    def __init__(self, sigma: float = 2.0) -> None:
        self.sigma = sigma

    def __call__(self, images: "Tensor") -> "Tensor":
        return each(images, self._edges)

    def _edges(self, grey: Array) -> Array:
        from skimage import filters

        library: Any = filters
        return np.asarray(np.minimum(GAIN * library.sobel(library.gaussian(grey, self.sigma)), 1))


class CannyOptions(BaseModel):
    """Options of `vision/canny`."""

    model_config = ConfigDict(extra="forbid")
    sigma: float = Field(default=3.0, gt=0, description="Standard deviation, in pixels, of the Gaussian that smooths first.")
    ratio: float = Field(default=0.4, gt=0, le=1, description="The lower threshold as a share of the upper one.")
    levels: int = Field(default=30, ge=1, le=255, description="How many upper thresholds are tried.")


class Canny:
    """Maps [b, 1, h, w] in [0, 1]: the share of upper thresholds, from the lowest up, at which Canny finds an edge there.

    One pair of thresholds gives a binary map. Since the edges at a higher pair are among those at a lower one, a value
    for each pixel says them all, so that a benchmark can choose.
    Source: Canny 1986, A computational approach to edge detection.
    """

    def __init__(self, sigma: float = 3.0, ratio: float = 0.4, levels: int = 30) -> None:
        self.sigma = sigma
        self.ratio = ratio
        self.levels = levels

    def __call__(self, images: "Tensor") -> "Tensor":
        return each(images, self._edges)

    def _edges(self, grey: Array) -> Array:
        from skimage import feature

        library: Any = feature
        edges = np.zeros(grey.shape)
        for level in range(1, self.levels + 1):
            high = TOP * level / self.levels
            found = library.canny(grey, self.sigma, self.ratio * high, high)
            if not found.any():
                break
            edges[found] = level / self.levels
        return edges


def each(images: "Tensor", detect: Any) -> "Tensor":
    """Maps [b, 1, h, w], where they were asked for, of grey images [b, 1, h, w], found one by one on the CPU."""
    import torch

    maps = [detect(image[0].double().cpu().numpy()) for image in images]
    return torch.from_numpy(np.stack(maps)).float()[:, None].to(images.device)
