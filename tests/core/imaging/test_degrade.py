"""Degradations: what their names mean, and that a sample is spoilt alike in every run."""

import pytest
import torch

from zoo.errors import OptionError
from zoo.imaging.degrade import Degradation, to_uint8
from zoo.imaging.matlab_resize import imresize

GREY = torch.full((1, 200, 200), 0.5)


def test_noise_has_the_deviation_that_is_asked_for_and_no_mean():
    noise = Degradation.parse("noise:25")(GREY, "a").image - 0.5
    assert float(noise.std() * 255) == pytest.approx(25, rel=0.02)
    assert float(noise.mean() * 255) == pytest.approx(0, abs=0.5)


def test_noise_is_neither_clipped_nor_rounded():
    noisy = Degradation.parse("noise:25")(torch.zeros(1, 50, 50), "a").image
    assert float(noisy.min()) < -0.1
    assert not torch.equal(noisy * 255, (noisy * 255).round())


def test_noise_hangs_on_the_id_alone():
    degrade = Degradation.parse("noise:25")
    assert torch.equal(degrade(GREY, "a").image, degrade(GREY, "a").image)
    assert not torch.equal(degrade(GREY, "a").image, degrade(GREY, "b").image)


def test_noise_never_changes_between_versions():
    first = Degradation.parse("noise:25")(torch.zeros(1, 1, 2), "01").image
    torch.testing.assert_close(first.flatten() * 255, torch.tensor([7.32616, -41.28538]), atol=1e-4, rtol=0)


def test_a_model_that_draws_by_its_own_seed_does_not_draw_the_noise():
    import numpy as np

    from zoo.seeds import sample_seed

    noise = (Degradation.parse("noise:25")(GREY, "a").image - 0.5).numpy().ravel()
    own = np.random.default_rng(sample_seed(0, "a")).standard_normal(noise.shape)
    assert abs(np.corrcoef(noise, own)[0, 1]) < 0.05


def test_a_small_picture_has_8_bits_and_what_the_scale_does_not_divide_is_cut_off():
    clean = torch.rand(3, 10, 11, generator=torch.Generator().manual_seed(0))
    small = Degradation.parse("bicubic:3")(clean, "a")
    assert (tuple(small.image.shape), small.scale, small.sigma) == ((3, 3, 3), 3, 0.0)
    assert torch.equal(to_uint8(small.image), imresize(to_uint8(clean[:, :9, :9]), (3, 3)))


def test_a_picture_smaller_than_the_scale_is_refused():
    with pytest.raises(ValueError, match="too small to be reduced by 4"):
        Degradation.parse("bicubic:4")(torch.zeros(3, 3, 9), "a")


@pytest.mark.parametrize("text", ["noise", "noise:", "noise:-5", "noise:300", "bicubic:1", "bicubic:2.5", "blur:3", ""])
def test_what_is_no_degradation_is_refused(text):
    with pytest.raises(OptionError, match="noise:SIGMA"):
        Degradation.parse(text)
