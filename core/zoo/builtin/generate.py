"""Metrics of task `generate`: of restored pictures."""

from typing import Literal

from zoo.specs import MetricSpec


def _quality(name: str, summary: str, target: str, reference: str, unit: Literal["dB", ""]) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="generate",
        target=f"zoo.metrics.restoration:{target}",
        direction="higher",
        unit=unit,
        range=(None, None) if unit else (-1.0, 1.0),
        reference=reference,
    )


_PSNR = "skimage.metrics.peak_signal_noise_ratio"
_SSIM = "skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)"

METRICS: list[MetricSpec] = [
    _quality("psnr-rgb", "Peak signal-to-noise ratio over the three channels, mean over pictures", "PsnrRgb", _PSNR, "dB"),
    _quality("psnr-y", "Peak signal-to-noise ratio of luma (16 to 235 of 255), mean over pictures", "PsnrY", _PSNR, "dB"),
    _quality("psnr-gray", "Peak signal-to-noise ratio of grey pictures, mean over pictures", "PsnrGray", _PSNR, "dB"),
    _quality("ssim-y", "Structural similarity of luma, mean over pictures", "SsimY", _SSIM, ""),
    _quality("ssim-gray", "Structural similarity of grey pictures, mean over pictures", "SsimGray", _SSIM, ""),
]
