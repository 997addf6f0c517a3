"""The adversarial network: each network learns by its own loss alone, the penalty is R1, both losses are kept and drawn."""

import hashlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo_generative.gan import GAN, Discriminator


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return GAN(side=8, latent=4, width=4), Discriminator(side=8, width=4)


def gradients(module):
    return [parameter.grad.clone() for parameter in module.parameters()]


def test_a_picture_hangs_on_its_seed_alone(pair):
    model = pair[0].eval()
    with torch.no_grad():
        together, alone = model([None] * 3, [1, 2, 3]), model([None], [2])
    torch.testing.assert_close(together[1:2], alone)
    assert together.shape == (3, 1, 8, 8) and 0 <= float(together.min()) < float(together.max()) <= 1


def test_each_network_has_the_gradient_of_its_own_loss(pair):
    generator, discriminator = pair
    z, real = torch.randn(6, 4), torch.rand(6, 1, 8, 8) * 2 - 1
    found = discriminator.losses(generator.picture(z), real, gamma=2.0)
    (found.generator + found.discriminator).backward()
    both = gradients(generator), gradients(discriminator)

    for module in pair:
        module.zero_grad()
    F.softplus(-discriminator(generator.picture(z))).mean().backward()
    alone = gradients(generator)
    discriminator.zero_grad()
    own = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(own).sum(), own, create_graph=True)
    penalty = slope.square().sum((1, 2, 3)).mean()  # gamma / 2 is 1
    drawn = discriminator(generator.picture(z).detach())
    labels = F.binary_cross_entropy_with_logits(discriminator(real), torch.ones(6))
    (labels + F.binary_cross_entropy_with_logits(drawn, torch.zeros(6)) + penalty).backward()
    for together, separate in zip(both, (alone, gradients(discriminator)), strict=True):
        torch.testing.assert_close(together, separate)


def test_the_penalty_of_a_linear_discriminator_is_its_squared_weight():
    discriminator = Discriminator(side=8, width=4)
    discriminator.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    found = discriminator.losses(torch.zeros(3, 1, 8, 8), torch.rand(3, 1, 8, 8), gamma=3.0)
    torch.testing.assert_close(found.penalty, 1.5 * discriminator.layers[1].weight.square().sum())


class KilledError(Exception):
    """What ends a training from outside."""


def trained(kill_after=None):
    def progress(step):
        if kill_after is not None and step.epoch > kill_after:
            raise KilledError

    changes = {"config": {"latent": 4, "width": 4}, "epochs": 2, "batch_size": 8, "validation": 0.001}
    recipe = (
        zoo.registry()
        .recipe("generative/gan-mnist")
        .model_copy(update={**changes, "options": {"steps": 5, "gamma": 1.0, "width": 4}})
    )
    return zoo.train(recipe, device="cpu", progress=progress)


def test_both_losses_are_in_the_record_and_drawn(real_data):
    record = trained()
    assert all(set(epoch.losses) == {"generator", "discriminator", "penalty"} for epoch in record.history)
    first = record.history[0]
    assert first.loss == pytest.approx(first.losses["generator"] + first.losses["discriminator"])
    with Image.open(record.curves) as picture:
        assert picture.format == "PNG" and len(picture.convert("RGB").getcolors(1 << 16)) > 3


@pytest.mark.slow
def test_a_killed_training_goes_on_with_the_same_discriminator(real_data, tmp_path, monkeypatch):
    whole = trained()
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other"))
    with pytest.raises(KilledError):
        trained(kill_after=1)
    resumed = trained()
    assert resumed.resumed_from == 1 and [e.losses for e in resumed.history] == [e.losses for e in whole.history]
    assert resumed.weights_sha256 == whole.weights_sha256 == hashlib.sha256(Path(resumed.weights).read_bytes()).hexdigest()
