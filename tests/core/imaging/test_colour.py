"""Luma and chroma: parity with scikit-image, which has MATLAB's coefficients."""

import numpy as np
import pytest
import torch

from zoo.imaging.colour import rgb_to_ycbcr, ycbcr_to_rgb


@pytest.fixture
def rgb() -> torch.Tensor:
    return torch.rand(3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_parity_with_scikit_image(rgb):
    from skimage.color import rgb2ycbcr

    theirs = rgb2ycbcr(rgb.permute(1, 2, 0).numpy()) / 255
    np.testing.assert_allclose(rgb_to_ycbcr(rgb).permute(1, 2, 0).numpy(), theirs, atol=1e-12)


def test_there_and_back(rgb):
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb)
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(rgb.float()[None]))[0], rgb.float())


def test_grey_has_luma_from_16_to_235_and_no_chroma():
    y, cb, cr = rgb_to_ycbcr(torch.tensor([0.0, 1.0]).view(1, 1, 2).expand(3, 1, 2)) * 255
    torch.testing.assert_close(y, torch.tensor([[16.0, 235.0]]))
    torch.testing.assert_close(cb, torch.full((1, 2), 128.0))
    torch.testing.assert_close(cr, torch.full((1, 2), 128.0))
