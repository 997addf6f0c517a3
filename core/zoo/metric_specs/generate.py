"""Metrics of task `generate`: of restored pictures, of drawn images as a set, of the likelihood of images and of texts."""

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


def _likelihood(name: str, summary: str, target: str, reference: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="generate",
        target=f"zoo.metrics.likelihood:{target}",
        direction="higher",
        unit="nats",
        range=(None, None),
        reference=reference,
    )


def _language(name: str, summary: str, target: str, unit: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="generate",
        target=f"zoo.metrics.language:{target}",
        direction="lower",
        unit=unit,
        range=(0.0, None),
        reference="torch.nn.functional.cross_entropy, summed, over counts",
    )


def _among(name: str, summary: str, target: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="generate",
        target=f"zoo.metrics.manifold:{target}",
        direction="higher",
        reference="brute force over all pairs, as arXiv:1904.06991 defines it",
    )


def _of_classes(name: str, summary: str, target: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        task="generate",
        target=f"zoo.metrics.modes:{target}",
        direction="none" if target == "ClassShares" else "higher",
        reference="collections.Counter of the judge's classes",
    )


METRICS += [
    MetricSpec(
        name="frechet-distance",
        summary="Fréchet distance to real images in whatever features the run has, the floor of real images beside it",
        task="generate",
        target="zoo.metrics.frechet:FrechetDistance",
        direction="lower",
        range=(0.0, None),
        reference="scipy.linalg.sqrtm, as the authors of FID compute it",
    ),
    _among("sample-precision", "Share of drawn images among the real ones: fidelity", "SamplePrecision"),
    _among("sample-recall", "Share of real images among the drawn ones: diversity", "SampleRecall"),
    _of_classes("mode-coverage", "Least drawn class against its share of real images: 0 where one is missing", "ModeCoverage"),
    _of_classes("class-shares", "Share of each class among drawn images, by a judge, beside the real ones", "ClassShares"),
    _of_classes("class-consistency", "Share of images in which the judge sees the class asked for", "ClassConsistency"),
    _likelihood(
        "elbo-binarised",
        "Evidence lower bound of the log-likelihood of images binarised by a seed per id, mean over images",
        "ElboBinarised",
        "torch.distributions: log p(x, z) - log q(z | x)",
    ),
    _likelihood(
        "iwae-binarised",
        "Importance-weighted bound of the log-likelihood of images binarised by a seed per id, from the draws of the ELBO",
        "IwaeBinarised",
        "torch.logsumexp of the log-weights",
    ),
    _likelihood(
        "elbo-dequantised",
        "Evidence lower bound of the log-density of 8-bit images dequantised by a seed per id, mean over images",
        "ElboDequantised",
        "torch.distributions: log p(x, z) - log q(z | x)",
    ),
    _likelihood(
        "iwae-dequantised",
        "Importance-weighted bound of the log-density of 8-bit images dequantised by a seed per id",
        "IwaeDequantised",
        "torch.logsumexp of the log-weights",
    ),
    _language("perplexity", "exp(total NLL / total tokens of the model); compares models of one tokenizer", "Perplexity", ""),
    _language("word-perplexity", "exp(total NLL / total words)", "WordPerplexity", ""),
    _language("bits-per-character", "Total NLL in bits per character", "BitsPerCharacter", "bits"),
    _language("bits-per-byte", "Total NLL in bits per byte of UTF-8", "BitsPerByte", "bits"),
]
