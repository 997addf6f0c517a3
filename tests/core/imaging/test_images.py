"""Preparing images, beside the evaluation transforms of torchvision and timm."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import to_image

from zoo.imaging.images import prepare_image, stack
from zoo.specs import ImageInput

SIZES = [(48, 64), (64, 48), (50, 50), (37, 91), (20, 30)]


def photo(height, width, channels=3, seed=0):
    """A smooth uint8 image [channels, height, width]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)[0]
    return (smooth * 255).round().to(torch.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_squash_is_torchvisions_resize(size):
    image = photo(*size)
    reference = v2.Compose([v2.Resize((32, 24), antialias=True), v2.ToDtype(torch.float32, scale=True)])(image)
    assert torch.allclose(prepare_image(image, ImageInput(size=(32, 24))), reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("crop_pct", [1.0, 0.875, 0.9, 0.95])
@pytest.mark.parametrize("size", SIZES)
def test_centre_crop_is_torchvisions(size, crop_pct, interpolation):
    image = photo(*size)
    want = ImageInput(size=(32, 32), crop_pct=crop_pct, crop_mode="center", interpolation=interpolation)
    mode = v2.InterpolationMode(interpolation)
    steps = [v2.Resize(int(32 / crop_pct), mode, antialias=True), v2.CenterCrop(32), v2.ToDtype(torch.float32, scale=True)]
    assert torch.allclose(prepare_image(image, want), v2.Compose(steps)(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["center", "squash"])
@pytest.mark.parametrize("target", [(32, 32), (24, 40), (40, 24)])
@pytest.mark.parametrize("size", SIZES)
def test_evaluation_transform_is_timms_up_to_pils_own_resize(size, target, mode):
    image = photo(*size)
    want = ImageInput(size=target, crop_pct=0.875, crop_mode=mode)
    pil = Image.fromarray(image.permute(1, 2, 0).numpy())
    transform = create_transform((3, *target), crop_pct=0.875, crop_mode=mode, interpolation="bilinear", normalize=False)
    reference = to_image(transform(pil)).float() / 255
    prepared = prepare_image(image, want)
    assert prepared.shape == reference.shape
    assert (prepared - reference).abs().max() <= 2 / 255


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    crop_pct=st.floats(0.3, 1.0),
    mode=st.sampled_from(["center", "squash"]),
)
def test_any_image_comes_out_at_the_size_that_was_asked_for(size, target, crop_pct, mode):
    want = ImageInput(size=target, crop_pct=crop_pct, crop_mode=mode, channels=3)
    prepared = prepare_image(photo(*size, channels=1), want)
    assert prepared.shape == (3, *target)
    assert prepared.dtype == torch.float32
    assert prepared.min() >= 0 and prepared.max() <= 1


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3])
def test_uint8_and_float_images_agree_to_one_grey_level(channels, interpolation):
    image = photo(48, 64)
    want = ImageInput(channels=channels, size=(24, 24), crop_pct=0.9, crop_mode="center", interpolation=interpolation)
    difference = (prepare_image(image, want) - prepare_image(image / 255, want)).abs().max()
    assert difference <= (1 if channels == 3 else 2) / 255 + 1e-6  # grey rounds once more


def test_grey_becomes_rgb_by_repetition():
    image = photo(8, 8, channels=1)
    prepared = prepare_image(image, ImageInput(channels=3))
    assert torch.equal(prepared, (image / 255).expand(3, -1, -1))


def test_rgb_becomes_grey_by_luma():
    image = photo(8, 8)
    prepared = prepare_image(image, ImageInput(channels=1))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    assert prepared.shape == (1, 8, 8)
    assert (prepared - (image / 255 * weights).sum(0)).abs().max() < 1.5 / 255


def test_without_wishes_an_image_keeps_size_and_channels():
    assert torch.equal(prepare_image(photo(5, 7, channels=1), None), photo(5, 7, channels=1) / 255)


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(8, 8),
        torch.zeros(4, 8, 8),
        torch.zeros(3, 0, 8),
        torch.zeros(3, 8, 8, dtype=torch.int64),
        torch.full((3, 8, 8), 255.0),
        torch.full((3, 8, 8), -1.0),
        torch.full((3, 8, 8), torch.nan),
    ],
    ids=["no channels", "four channels", "empty", "int64", "0 to 255", "negative", "NaN"],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError):
        prepare_image(image, ImageInput(channels=3, size=(4, 4)))


def test_images_of_one_size_are_stacked_and_others_listed():
    assert stack([torch.zeros(1, 2, 2)] * 3).shape == (3, 1, 2, 2)
    assert [item.shape[1] for item in stack([torch.zeros(1, 2, 2), torch.zeros(1, 3, 3)])] == [2, 3]


def test_grey_as_rgb_comes_back_exactly_grey() -> None:
    grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    assert torch.equal(prepare_image(grey.expand(3, -1, -1), ImageInput(channels=1)), grey / 255)
