"""The trainers: each learns something in seconds, and goes on after a kill to the same weights."""

import hashlib
from pathlib import Path

import pytest

import zoo
from zoo.specs import ImageInput


class KilledError(Exception):
    """What ends a training from outside."""


def trained(recipe, kill_after=None, **changes):
    def progress(step):
        if kill_after is not None and step.epoch > kill_after:
            raise KilledError

    spec = zoo.registry().recipe(recipe).model_copy(update=changes)
    return zoo.train(spec, device="cpu", progress=progress)


SMALL_VAE = {
    "dataset": "data/digits",
    "config": {"side": 8, "hidden": 32, "latent": 4},
    "input": ImageInput(channels=1, size=(8, 8)),
    "epochs": 2,
    "options": {"steps": 60},
}


def test_the_vae_learns():
    record = trained("generative/vae-mnist", **SMALL_VAE)
    first, last = record.history[0], record.history[-1]
    assert last.loss < first.loss and record.score > -35  # a fair coin for each of 64 pixels has -44 nats


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole = trained("generative/vae-mnist", **SMALL_VAE)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other"))
    with pytest.raises(KilledError):
        trained("generative/vae-mnist", kill_after=1, **SMALL_VAE)
    resumed = trained("generative/vae-mnist", **SMALL_VAE)
    assert resumed.resumed_from == 1
    assert resumed.weights_sha256 == whole.weights_sha256 == hashlib.sha256(Path(resumed.weights).read_bytes()).hexdigest()


def test_the_gpt_learns_more_than_the_frequencies_of_characters(real_data):
    record = trained(
        "generative/char-gpt-tiny-shakespeare",
        config={"width": 32, "layers": 1, "heads": 2, "window": 128},
        epochs=1,
        validation=0.005,
        options={"steps": 150},
    )
    assert record.score < 4.5  # log2 of 65 is 6.02, the entropy of single characters 4.8 bits


def test_the_diffusion_model_trains_on_real_images_and_is_scored_by_what_it_draws(real_data):
    record = trained(
        "generative/ddpm-mnist", config={"widths": [8, 8]}, epochs=1, batch_size=8, validation=0.001, options={"steps": 6}
    )
    assert record.dataset.validated_on == 30 and record.score > 0


def test_the_conditional_diffusion_model_learns_the_classes_of_both_images(real_data):
    record = trained(
        "generative/ddpm-class-mnist",
        config={"widths": [8, 8]},
        epochs=1,
        batch_size=8,
        validation=0.0005,
        options={"steps": 4},
    )
    assert record.recipe.config == {"widths": [8, 8]} and record.score > 0


def test_a_tenth_of_the_classes_is_left_untold():
    import torch

    from zoo_generative.trainers import UNTOLD, DdpmLoop

    class Known:
        classes = tuple("0123456789")

    loop = object.__new__(DdpmLoop)
    loop.asked = torch.arange(10).repeat(1000)
    told = loop._asked(Known(), torch.arange(10_000), torch.Generator().manual_seed(0))
    assert float((told == 10).float().mean()) == pytest.approx(UNTOLD, abs=0.01)
    assert torch.equal(told[told < 10], loop.asked[told < 10])
    loop.asked = None
    assert loop._asked(Known(), torch.arange(5), torch.Generator()) is None
