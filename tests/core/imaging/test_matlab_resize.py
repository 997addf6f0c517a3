"""Resizing as MATLAB does it: bit for bit the published inputs of Set5, and what follows from the definition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.imaging.matlab_resize import cubic, imresize, resize_matrix

SET5 = ("baby", "bird", "butterfly", "head", "woman")


def picture(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_published_inputs_of_set5_come_out_to_the_bit(real_data, scale):
    for name in SET5:
        clean = picture(real_data / "set5" / f"{name}_GT.bmp")
        published = picture(real_data / "set5" / f"{name}_GT_scale_{scale}.bmp")
        height, width = (length // scale for length in clean.shape[1:])
        small = imresize(clean[:, : height * scale, : width * scale], (height, width))
        assert torch.equal(imresize(small, (height * scale, width * scale)), published), name


def test_the_kernel_interpolates_and_sums_to_one():
    assert cubic(np.arange(-3.0, 4)).tolist() == [0, 0, 0, 1, 0, 0, 0]
    offsets = np.linspace(0, 1, 11)[:, None] + np.arange(-3, 3)
    np.testing.assert_allclose(cubic(offsets).sum(axis=1), 1, atol=1e-12)


@given(before=st.integers(1, 40), after=st.integers(1, 40))
def test_rows_sum_to_one_and_mirror(before, after):
    matrix = resize_matrix(before, after)
    assert matrix.shape == (after, before)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-12)


def test_the_same_size_leaves_an_image_alone():
    image = torch.randint(0, 256, (3, 7, 9), dtype=torch.uint8)
    assert torch.equal(imresize(image, (7, 9)), image)


def test_uint8_is_rounded_after_each_pass_and_floats_never():
    image = torch.randint(0, 256, (1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    exact = imresize(image.double(), (4, 4))
    assert imresize(image, (4, 4)).dtype == torch.uint8
    assert (imresize(image, (4, 4)) - exact).abs().max() <= 1.5
    assert not torch.equal(exact, exact.round())


def test_enlarging_agrees_with_torch_away_from_the_border():
    image = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = imresize(image, (10, 10))
    theirs = torch.nn.functional.interpolate(image, (10, 10), mode="bicubic", antialias=True)  # PIL's kernel: a = -0.5
    torch.testing.assert_close(ours[..., 3:-3, 3:-3], theirs[..., 3:-3, 3:-3], atol=1e-9, rtol=0)
