"""The trainer of ESPCN: patches that belong together, and a training that goes on after it was killed."""

import pytest
import torch

import zoo
from zoo.errors import ModelError
from zoo.imaging import Degradation
from zoo.imaging.matlab_resize import imresize
from zoo.opening.weights import read_state
from zoo.training.run import train
from zoo_vision.espcn_trainer import patches, spoilt


@pytest.fixture(scope="module")
def pictures():
    return spoilt(zoo.dataset("photographs", "train"), Degradation(scale=3), [0.3, 0.02], patch=8)


@pytest.fixture
def recipe():
    """The bundled recipe, made to take seconds."""
    whole = zoo.registry().recipe("vision/espcn-x3")
    return whole.model_copy(update={"epochs": 2, "batch_size": 2, "options": {"patch": 8, "steps": 3, "zoom": [0.3]}})


def test_pictures_smaller_than_a_patch_are_left_out(pictures):
    assert len(pictures) == 7


def test_small_bicubic_and_clean_are_of_one_picture(pictures):
    for small, bicubic, clean in pictures:
        assert bicubic.shape == clean.shape == (1, 3 * small.shape[1], 3 * small.shape[2])
        assert float((imresize(clean, tuple(small.shape[1:])) - small).abs().mean()) < 0.002
        assert float(clean.min()) > 16 / 255 - 1e-3
        assert float(clean.max()) < 235 / 255 + 1e-3


def test_patches_are_cut_turned_and_mirrored_together(pictures):
    small, bicubic, clean = patches(pictures, 8, 32, 3, torch.Generator().manual_seed(0))
    assert (small.shape, bicubic.shape, clean.shape) == ((32, 1, 8, 8), (32, 1, 24, 24), (32, 1, 24, 24))
    reduced = torch.nn.functional.avg_pool2d(clean, 3)
    assert float((reduced - small).abs().mean()) < 0.02
    assert float((reduced - small.flip(3)).abs().mean()) > 0.02


def test_patches_hang_on_the_generator_alone(pictures):
    first, again = (patches(pictures, 8, 4, 3, torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_killed_training_ends_with_the_same_weights(recipe, tmp_path, monkeypatch):
    whole = train(recipe, device="cpu")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "second"))

    def kill(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, device="cpu", progress=kill)
    resumed = train(recipe, device="cpu")
    assert (whole.resumed_from, resumed.resumed_from) == (None, 1)
    assert [entry.score for entry in resumed.history] == [entry.score for entry in whole.history]
    assert resumed.weights_sha256 == whole.weights_sha256
    state, _ = read_state(tmp_path / "second" / "trained" / resumed.weights)
    assert state["layers.0.weight"].shape == (64, 1, 5, 5)


def test_patches_larger_than_every_picture_are_refused(recipe):
    with pytest.raises(ModelError, match="no picture of data/photographs is large enough for patches of 900"):
        train(recipe.model_copy(update={"options": {**recipe.options, "patch": 900}}), device="cpu")
