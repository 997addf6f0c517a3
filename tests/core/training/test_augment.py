"""Augmentations keep shape and range, follow their generator, and do what their names say."""

import pytest
import torch

from zoo.errors import OptionError
from zoo.training.augment import AUGMENTATIONS, build_augment, parse_augment

EXAMPLES = ("hflip", "vflip", "rot90", "crop:2", "affine:degrees=15,share=0.2", "cutout:3", "noise:0.1")


def images(batch: int = 16, channels: int = 3, height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(1))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_examples_cover_every_augmentation() -> None:
    assert {text.partition(":")[0] for text in EXAMPLES} == set(AUGMENTATIONS)


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_type_range_and_input_are_kept(text: str, channels: int) -> None:
    before = images(channels=channels)
    given = before.clone()
    after = parse_augment(text)(given, generator())
    assert (after.shape, after.dtype) == (before.shape, torch.float32)
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(given, before)


@pytest.mark.parametrize("text", EXAMPLES)
def test_one_seed_gives_one_result_and_images_differ_in_theirs(text: str) -> None:
    augment = parse_augment(text)
    assert torch.equal(augment(images(), generator(3)), augment(images(), generator(3)))
    assert not torch.equal(augment(images(), generator(3)), augment(images(), generator(4)))
    same = images(1).expand(16, -1, -1, -1)
    assert len(augment(same, generator()).unique(dim=0)) > 1


@pytest.mark.parametrize("text", ["hflip", "vflip", "crop:2", "affine:degrees=15,share=0.2", "cutout:3"])
def test_oblong_images_are_taken(text: str) -> None:
    assert parse_augment(text)(images(height=6, width=10), generator()).shape == (16, 3, 6, 10)


def test_rot90_refuses_oblong_images() -> None:
    with pytest.raises(OptionError, match="square"):
        parse_augment("rot90")(images(height=6, width=10), generator())


def test_flips_and_turns_give_only_images_of_the_symmetry_group() -> None:
    one = images(1)[0]
    group = [turned.rot90(k, (1, 2)) for turned in (one, one.flip(2)) for k in range(4)]
    after = build_augment(("hflip", "vflip", "rot90"))
    assert after is not None
    seen = {
        next(i for i, g in enumerate(group) if torch.equal(g, image)) for image in after(one.expand(200, -1, -1, -1), generator())
    }
    assert seen == set(range(8))


def test_crop_shifts_by_whole_pixels_and_fills_with_zeros() -> None:
    dot = torch.zeros(300, 1, 9, 9)
    dot[:, :, 4, 4] = 1
    places = parse_augment("crop:2")(dot, generator()).nonzero()[:, 2:] - 4
    assert len(places) == 300
    assert {tuple(place) for place in places.tolist()} == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}


def test_affine_of_nothing_changes_nothing() -> None:
    assert torch.allclose(parse_augment("affine:degrees=0,share=0")(images(), generator()), images(), atol=1e-5)


def test_affine_turns_an_oblong_image_without_shearing_it() -> None:
    """A bar as long as wide stays a bar: the second moments of a disc are equal in both axes after any rotation."""
    y, x = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(80) - 39.5, indexing="ij")
    bar = ((x.abs() < 12) & (y.abs() < 4)).float().expand(64, 1, 40, 80)
    turned = parse_augment("affine:degrees=45,share=0")(bar, generator())[:, 0]
    mass = turned.sum((1, 2))
    spread = (turned * (x**2 + y**2)).sum((1, 2)) / mass
    before = (bar[0, 0] * (x**2 + y**2)).sum() / bar[0, 0].sum()
    assert torch.allclose(mass, bar[0].sum(), rtol=0.03)
    assert torch.allclose(spread, before, rtol=0.03)


def test_cutout_blackens_a_square() -> None:
    holes = (parse_augment("cutout:3")(torch.ones(100, 1, 9, 9), generator()) == 0).sum((1, 2, 3))
    assert holes.max() == 9
    assert holes.min() >= 1


def test_no_names_are_no_augmentation() -> None:
    assert build_augment(()) is None


UNREADABLE = (
    *("mirror", "crop", "crop:x", "crop:1:2", "crop:-1", "crop:nan", "crop:1.5", "hflip:1", "", "crop:"),
    *("affine:10:0.1:3", "affine:5,degrees=6", "affine:5,share=0.1,share=0.2", "affine:share=0.1", "crop:pixel=3"),
)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_says_what_can(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_augment(text)
    assert caught.value.hint


def test_text_is_not_augmented() -> None:
    with pytest.raises(OptionError, match="text"):
        build_augment(("hflip",), "text")
