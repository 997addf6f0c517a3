"""PSNR and SSIM: parity with scikit-image, the reference's crop and channels, borders, and what has no figure."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from zoo.errors import DataError
from zoo.metrics.restoration import PsnrGray, PsnrRgb, PsnrY, SsimGray, SsimY
from zoo.tasks.base import Rows

RNG = np.random.default_rng(0)
SSIM = {"data_range": 255, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


class Clean:
    """The targets of a dataset."""

    def __init__(self, targets):
        self.targets = targets

    def target(self, index):
        return torch.from_numpy(self.targets[index])


def pictures(channels=3, dtype=np.uint8, sizes=((40, 31), (24, 24), (31, 40))):
    made = [RNG.integers(0, 256, (channels, *size)).astype(np.uint8) for size in sizes]
    return made if dtype == np.uint8 else [(image / 255).astype(dtype) for image in made]


def like(targets):
    """The same pictures with some error."""
    return [np.clip(t.astype(float) + RNG.normal(0, 20, t.shape), 0, 255).round().astype(np.uint8) for t in targets]


def rows(targets, restored):
    images = np.empty(len(restored), dtype=object)
    images[:] = restored
    return Rows([f"s{i}" for i in range(len(restored))], {"image": images}, (), range(len(restored)), Clean(targets))


def value(metric, targets, restored):
    return metric.compute(metric.update(rows(targets, restored)), ())


def luma(image):
    return rgb2ycbcr(image.transpose(1, 2, 0))[..., 0]


def inner(image, border):
    return image[..., border : image.shape[-2] - border, border : image.shape[-1] - border]


@pytest.mark.parametrize("border", [0, 3])
def test_parity_with_scikit_image(border):
    targets = pictures()
    restored = like(targets)
    grey, grey_restored = [t[:1] for t in targets], [r[:1] for r in restored]

    def mean(score, channels):
        return np.mean(
            [score(inner(channels(t), border), inner(channels(r), border)) for t, r in zip(targets, restored, strict=True)]
        )

    def psnr(t, r):
        return peak_signal_noise_ratio(t, r, data_range=255)

    def ssim(t, r):
        return structural_similarity(t, r, **SSIM)

    expected = {
        PsnrRgb: mean(psnr, lambda image: image),
        PsnrY: mean(psnr, luma),
        SsimY: mean(ssim, luma),
    }
    for metric, reference in expected.items():
        assert value(metric(border=border), targets, restored).value == pytest.approx(reference, abs=1e-6), metric
    assert value(PsnrGray(border=border), grey, grey_restored).value == pytest.approx(mean(psnr, lambda i: i[0]), abs=1e-6)
    assert value(SsimGray(border=border), grey, grey_restored).value == pytest.approx(mean(ssim, lambda i: i[0]), abs=1e-6)


def test_floats_score_as_the_same_picture_in_8_bits():
    targets = pictures()
    restored = like(targets)
    floats = [(image / 255).astype(np.float32) for image in restored]
    for metric in (PsnrRgb(), PsnrY(), SsimY()):
        assert value(metric, targets, floats).value == pytest.approx(value(metric, targets, restored).value, abs=1e-5)


def test_the_score_is_a_mean_over_pictures_with_students_interval():
    targets = pictures()
    restored = like(targets)
    each = [value(PsnrRgb(), [t], [r]).value for t, r in zip(targets, restored, strict=True)]
    score = value(PsnrRgb(), targets, restored)
    assert (score.value, score.n, score.interval) == (pytest.approx(np.mean(each)), 3, "Student's t")
    assert score.ci_high - score.value == pytest.approx(4.302653 * np.std(each, ddof=1) / 3**0.5, rel=1e-6)


def test_shards_do_not_change_the_score():
    targets = pictures()
    restored = like(targets)
    metric = SsimY(border=2)
    whole = rows(targets, restored)
    states = [
        metric.update(Rows([whole.ids[i]], {"image": whole.columns["image"][i : i + 1]}, (), [i], whole.dataset))
        for i in range(3)
    ]
    assert metric.compute(metric.merge_all(states), ()) == metric.compute(metric.update(whole), ())


def test_a_perfect_picture_leaves_no_finite_psnr_and_an_ssim_of_one():
    targets = pictures()
    restored = [targets[0], *like(targets[1:])]
    score = value(PsnrRgb(), targets, restored)
    assert (score.value, score.n) == (None, 3)
    assert score.interval == "none: 1 of 3 pictures are restored without any error, so the mean is infinite"
    assert value(SsimY(), targets, targets).value == pytest.approx(1)


def test_what_the_scale_does_not_divide_is_cut_off_the_target():
    targets = pictures()
    restored = [image[:, :-1, :-2] for image in like(targets)]
    cut = [image[:, :-1, :-2] for image in targets]
    assert value(PsnrRgb(), targets, restored) == value(PsnrRgb(), cut, restored)


def test_grey_restorations_of_rgb_targets_are_compared_in_grey():
    grey = pictures(channels=1)
    assert value(PsnrGray(), [np.repeat(t, 3, axis=0) for t in grey], grey).value is None  # without any error
    assert value(PsnrGray(), pictures(), like(grey)).value < 20


def test_channels_that_a_metric_does_not_compare_are_an_error_that_says_what_does():
    grey, colour = pictures(channels=1), pictures()
    with pytest.raises(DataError, match=r"s0 has 1 channels.*\nuse psnr-gray"):
        value(PsnrY(), grey, like(grey))
    with pytest.raises(DataError, match=r"s0 has 3 channels.*\nuse psnr-rgb"):
        value(SsimGray(), colour, like(colour))


def test_a_border_that_leaves_nothing_is_an_error():
    targets = pictures(sizes=((24, 24),))
    assert value(PsnrRgb(border=11), targets, like(targets)).value > 0
    with pytest.raises(DataError, match="24x24, of which a border of 12 leaves too little"):
        value(PsnrRgb(border=12), targets, like(targets))
    with pytest.raises(DataError, match="at least 11 pixels"):
        value(SsimY(border=7), targets, like(targets))


def test_a_target_that_is_too_small_is_an_error():
    with pytest.raises(DataError, match="cannot be compared"):
        value(PsnrRgb(), pictures(sizes=((20, 20),)), pictures(sizes=((24, 24),)))


def test_no_samples_have_no_score():
    assert value(PsnrY(), [], []).value is None
