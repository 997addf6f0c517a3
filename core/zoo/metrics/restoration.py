"""Metrics of task generate over restored pictures: folded from `image` [c, h, w] and the target, read again by id.

The reference is the target in the channels of the restored picture and, counted from the top left, of its size: what a
scale does not divide is cut off. `border` pixels are cut off both on every side before anything is computed. A score is the
mean over pictures, never that of a pooled error.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from zoo.errors import DataError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, scored, student_mean
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]

WINDOW = 11
"""Pixels on a side of SSIM's Gaussian window."""


class _Quality(Metric):
    """The mean over pictures of what `score` says of each."""

    gathers: ClassVar[bool] = True
    plane: ClassVar[Literal["rgb", "y", "gray"]]
    units: ClassVar[str] = "pictures"
    least: ClassVar[int] = 1
    """Pixels on a side that a picture must have left."""
    border: Annotated[int, Field(ge=0, description="Pixels cut off on every side, in super-resolution the scale.")] = 0

    def score(self, reference: Array, restored: Array) -> float:
        """Of two float64 [c, h, w] in [0, 1]."""
        raise NotImplementedError

    def update(self, rows: Rows) -> State:
        """`values` float64 [n]."""
        values = [
            self.score(self._seen(reference, sample), self._seen(restored, sample))
            for sample, (reference, restored) in zip(rows.ids, rows.once(pairs), strict=True)
        ]
        return {"values": np.array(values, dtype=np.float64)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        values = state["values"]
        if not len(values):
            return NO_SAMPLES
        perfect = int(np.isinf(values).sum())
        if perfect:
            # Neither left out nor capped: either would make a figure up.
            why = f"none: {perfect} of {len(values)} pictures are restored without any error, so the mean is infinite"
            return Score(None, len(values), interval=why)
        return scored(float(values.mean()), len(values), student_mean(values))

    def values(self, state: State) -> Array:
        return state["values"]

    def _seen(self, image: Array, sample: str) -> Array:
        """The picture uint8 or float [c, h, w] in the channels that are compared, without its border: float64."""
        channels = 1 if self.plane == "gray" else 3
        if len(image) != channels:
            other = "psnr-gray or ssim-gray" if len(image) == 1 else "psnr-rgb, psnr-y or ssim-y"
            raise DataError(f"sample {sample} has {len(image)} channels, but this metric compares {channels}", f"use {other}")
        height, width = (length - 2 * self.border for length in image.shape[1:])
        if min(height, width) < self.least:
            raise DataError(
                f"sample {sample} is {image.shape[1]}x{image.shape[2]}, of which a border of {self.border} leaves too little",
                f"this metric needs at least {self.least} pixels on a side",
            )
        inner = image[:, self.border : self.border + height, self.border : self.border + width]
        pixels = inner / 255 if image.dtype == np.uint8 else inner.astype(np.float64)
        return _luma(pixels) if self.plane == "y" else pixels


class _Psnr(_Quality):
    def score(self, reference: Array, restored: Array) -> float:
        error = float(np.mean((reference - restored) ** 2))
        return float("inf") if error == 0 else -10 * float(np.log10(error))


class PsnrRgb(_Psnr):
    """Peak signal-to-noise ratio in dB, -10 log10 of the mean squared error over pixels and channels; the peak is 1."""

    plane = "rgb"


class PsnrY(_Psnr):
    """PSNR of luma, as super-resolution is measured: Y of MATLAB's rgb2ycbcr, 16 to 235, unrounded; the peak is 255."""

    plane = "y"


class PsnrGray(_Psnr):
    """PSNR of pictures of one channel."""

    plane = "gray"


class _Ssim(_Quality):
    """Structural similarity: Gaussian window of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03, biased covariances, no padding.

    Source: Wang, Bovik, Sheikh & Simoncelli 2004, doi:10.1109/TIP.2003.819861, section III.B; their own code shrinks large
    pictures first, this, as nearly everybody, does not. Computed by scikit-image.
    """

    least: ClassVar[int] = WINDOW

    def score(self, reference: Array, restored: Array) -> float:
        from skimage.metrics import structural_similarity

        how = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        return float(structural_similarity(reference[0], restored[0], **how))  # type: ignore[no-untyped-call]


class SsimY(_Ssim):
    """SSIM of luma (see `PsnrY`), its constants those of a range of 255."""

    plane = "y"


class SsimGray(_Ssim):
    """SSIM of pictures of one channel."""

    plane = "gray"


def pairs(rows: Rows) -> list[tuple[Array, Array]]:
    """Reference and restored picture of every row, [c, h, w] each, uint8 or float in [0, 1].

    Raises DataError naming a sample whose target is not at least as large, or is none.
    """
    return [
        (_reference(np.asarray(rows.target(row)), image, rows.ids[row]), image) for row, image in enumerate(rows.columns["image"])
    ]


def _reference(target: Array, image: Array, sample: str) -> Array:
    if target.ndim != 3 or any(own < other for own, other in zip(target.shape[1:], image.shape[1:], strict=True)):
        raise DataError(
            f"sample {sample} is {list(image.shape)}, but its target {list(target.shape)}, so they cannot be compared",
            "these metrics are for benchmarks that restore pictures; was the data replaced meanwhile, use `fresh`",
        )
    cropped = target[:, : image.shape[1], : image.shape[2]]
    return cropped if len(cropped) == len(image) else _converted(cropped, len(image))


def _converted(target: Array, channels: int) -> Array:
    """The target in other channels, exactly as the task converted the clean picture."""
    import torch

    from zoo.imaging.degrade import to_uint8
    from zoo.imaging.images import prepare_image
    from zoo.specs import ImageInput

    clean = prepare_image(torch.from_numpy(np.ascontiguousarray(target)), ImageInput(channels=1 if channels == 1 else 3))
    return np.asarray((to_uint8(clean) if target.dtype == np.uint8 else clean).numpy())


def _luma(rgb: Array) -> Array:
    import torch

    from zoo.imaging.colour import rgb_to_ycbcr

    return np.asarray(rgb_to_ycbcr(torch.from_numpy(rgb))[:1].numpy())
