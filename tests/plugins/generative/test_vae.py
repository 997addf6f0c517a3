"""The VAE: log-weights pinned to torch.distributions, bounds below the exact likelihood, draws that add up."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal

from zoo_generative.vae import VAE


@pytest.fixture
def tiny():
    """Four pixels and one latent dimension, weights of some size: its exact likelihood is a one-dimensional integral."""
    torch.manual_seed(0)
    model = VAE(side=2, hidden=8, latent=1).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


@pytest.fixture
def everything():
    """All 16 binary images of four pixels, [16, 1, 2, 2]."""
    return torch.tensor([[(i >> bit) & 1 for bit in range(4)] for i in range(16)], dtype=torch.float32).view(16, 1, 2, 2)


def exact(model, images):
    """log p(x) by Gauss-Hermite quadrature over z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    logits = model.decoder(torch.tensor(nodes, dtype=torch.float32)[:, None]).double()
    ink = Bernoulli(logits=logits[:, None]).log_prob(images.flatten(1)[None].double()).sum(-1)  # [nodes, images]
    return (ink + torch.tensor(weights / weights.sum()).log()[:, None]).logsumexp(0)


@torch.no_grad()
def test_the_log_weights_are_those_of_the_distributions(tiny, everything):
    noise = torch.randn(5, 16, 1, generator=torch.Generator().manual_seed(1))
    mean, log_deviation = tiny.encoder(everything.flatten(1)).chunk(2, 1)
    posterior = Independent(Normal(mean, log_deviation.exp()), 1)
    z = mean + log_deviation.exp() * noise
    likelihood = Independent(Bernoulli(logits=tiny.decoder(z)), 1).log_prob(everything.flatten(1))
    wanted = likelihood + Independent(Normal(torch.zeros(1), torch.ones(1)), 1).log_prob(z) - posterior.log_prob(z)
    torch.testing.assert_close(tiny.weigh(everything, noise), wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_exact_likelihood_is_one_of_all_images(tiny, everything):
    assert float(exact(tiny, everything).logsumexp(0)) == pytest.approx(0, abs=1e-5)


@torch.no_grad()
def test_bounds_rise_with_draws_towards_the_exact_likelihood(tiny, everything):
    """In expectation ELBO <= IWAE-5 <= IWAE-50 <= log p(x) of every image, and the weights average to p(x)."""
    truth = exact(tiny, everything)
    weights = torch.stack([tiny.log_weights(everything, 50, range(1000 * r, 1000 * r + 16)).double() for r in range(400)])
    bounds = [weights[..., :k].logsumexp(-1).sub(math.log(k)).mean(0) for k in (1, 5, 50)]  # [16] each, over 400 repetitions
    gaps = [float((truth - bound).mean()) for bound in bounds]
    assert gaps[0] > gaps[1] > gaps[2] > -0.01 and gaps[0] > 0.05
    estimate = weights.flatten(2).movedim(0, 1).flatten(1).logsumexp(1) - math.log(400 * 50)
    torch.testing.assert_close(estimate, truth, atol=0.05, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("latent", [32, 5, 20])
def test_more_draws_add_to_fewer_and_a_batch_changes_nothing(latent):
    model = VAE(hidden=16, latent=latent).eval()
    images = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(2)).round()
    seeds = [11, 12, 13, 14, 15, 16]
    whole = model.log_weights(images, 50, seeds)
    torch.testing.assert_close(model.log_weights(images, 7, seeds), whole[:, :7], atol=1e-3, rtol=1e-6)
    torch.testing.assert_close(model.log_weights(images[4:5], 50, [15]), whole[4:5], atol=1e-3, rtol=1e-6)


@torch.no_grad()
def test_a_sample_hangs_on_its_seed_alone():
    model = VAE(hidden=16).eval()
    together, alone = model([None] * 3, [1, 2, 3]), model([None], [2])
    torch.testing.assert_close(together[1:2], alone)
    assert together.shape == (3, 1, 28, 28) and 0 <= float(together.min()) <= float(together.max()) <= 1
    assert not torch.equal(together[0], together[1])
