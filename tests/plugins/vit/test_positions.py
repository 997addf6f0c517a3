"""Positional encodings: the formula digit by digit, and what it is for."""

import math

import pytest
import torch

from zoo.errors import ModelError
from zoo_vit.positions import sinusoidal, sinusoidal_2d


def test_each_channel_is_the_papers_formula() -> None:
    encoding = sinusoidal(50, 12)
    assert encoding.dtype == torch.float32
    for position in range(50):
        for channel in range(12):
            angle = position / 10_000 ** (channel // 2 * 2 / 12)
            expected = math.cos(angle) if channel % 2 else math.sin(angle)
            assert abs(encoding[position, channel].item() - expected) < 1e-6


def test_the_product_of_two_encodings_depends_on_their_distance_alone() -> None:
    encoding = sinusoidal(40, 32)
    products = encoding @ encoding.T
    for distance in (0, 1, 7):
        torch.testing.assert_close(products.diagonal(distance), products[0, distance].expand(40 - distance), atol=1e-4, rtol=0)


def test_a_grid_is_encoded_by_rows_and_columns() -> None:
    encoding = sinusoidal_2d(3, 5, 16).view(3, 5, 16)
    torch.testing.assert_close(encoding[:, :, :8], sinusoidal(3, 8)[:, None].expand(3, 5, 8))
    torch.testing.assert_close(encoding[:, :, 8:], sinusoidal(5, 8).expand(3, 5, 8))


def test_the_grid_has_the_values_of_diffusers() -> None:
    from diffusers.models.embeddings import get_2d_sincos_pos_embed

    theirs = get_2d_sincos_pos_embed(16, (4, 4), base_size=4, output_type="pt").view(4, 4, 2, 2, 4)
    # its axes come columns first, and of each axis all sines ahead of all cosines
    expected = theirs.flip(2).transpose(3, 4).reshape(16, 16)
    torch.testing.assert_close(sinusoidal_2d(4, 4, 16), expected.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sinusoidal(4, 7), "even width"),
        (lambda: sinusoidal(4, 0), "even width"),
        (lambda: sinusoidal_2d(2, 2, 6), "4 divides"),
    ],
)
def test_a_width_that_cannot_be_encoded_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]
