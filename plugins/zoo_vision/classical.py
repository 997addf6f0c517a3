"""Restoration without learning: what every network has to beat."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.imaging import Degraded, imresize


class Identity:
    """The picture as it is, clipped; where it is to grow, every pixel is repeated."""

    def __call__(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, scale·h, scale·w] in [0, 1]."""
        return [image.clamp(0, 1).repeat_interleave(scale, -2).repeat_interleave(scale, -1) for image, scale, _ in conditions]


class Bicubic:
    """MATLAB's bicubic `imresize`, the baseline of super-resolution; at scale 1 the picture as it is."""

    def __call__(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, scale·h, scale·w] in [0, 1]."""
        return [enlarged(image, scale).clamp(0, 1) for image, scale, _ in conditions]


class NonLocalMeans:
    """Every pixel becomes a mean over pixels around which the picture looks alike (Buades et al. 2005).

    Patches of 5x5 within 6 pixels, h = 0.8 sigma, with the noise taken off the patches' distances: scikit-image's fast variant
    with the settings of its documentation. The noise must be known; a picture without noise is left alone.
    """

    def __call__(self, conditions: Sequence[Degraded], seeds: Sequence[int]) -> list[Tensor]:
        """Restored pictures [c, h, w] in [0, 1]; enlarged by `Bicubic` where they are to grow."""
        return [enlarged(denoised(image, sigma), scale).clamp(0, 1) for image, scale, sigma in conditions]


def denoised(image: Tensor, sigma: float) -> Tensor:
    """Non-local means of an image [c, h, w] whose noise has the standard deviation `sigma`; channels weigh in together."""
    from skimage.restoration import denoise_nl_means

    if sigma == 0:
        return image
    pixels = image.permute(1, 2, 0).cpu().numpy()
    clean = denoise_nl_means(pixels, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, channel_axis=-1)
    # Of a single channel scikit-image drops the axis; with channels first it would even turn the picture on its side.
    return torch.from_numpy(clean.reshape(pixels.shape)).to(image).permute(2, 0, 1)


def enlarged(image: Tensor, scale: int) -> Tensor:
    """An image [..., c, h, w] `scale` times as high and wide, bicubic, unclipped."""
    return image if scale == 1 else imresize(image, (scale * image.shape[-2], scale * image.shape[-1]))
