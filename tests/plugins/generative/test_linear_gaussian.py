"""The latent model that can be solved: likelihood, ELBO and IWAE are what theory says, to ten digits where it says so."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

import zoo
from zoo.specs import ImageInput
from zoo_generative.linear_gaussian import LinearGaussian

SIDE, LATENT = 3, 2


def solved(**answer):
    torch.manual_seed(0)
    model = LinearGaussian(SIDE, LATENT, **answer).requires_grad_(False)
    model.weight.mul_(3)
    model.bias.normal_()
    model.log_deviation.fill_(-0.7)
    return model


@pytest.fixture
def images():
    return torch.rand(5, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def density(model, x):
    """log p(x) by the covariance of x itself, W Wᵀ + s² I."""
    covariance = model.weight @ model.weight.T + (2 * model.log_deviation).exp() * torch.eye(len(model.bias), dtype=torch.float64)
    return MultivariateNormal(model.bias, covariance).log_prob(x)


def test_the_likelihood_is_that_of_the_normal_distribution(images):
    model, x = solved(), images.flatten(1)
    torch.testing.assert_close(model.log_likelihood(x), density(model, x), atol=1e-10, rtol=0)
    torch.testing.assert_close(
        solved(exact=True).log_weights(images, 7, range(5)), density(model, x)[:, None], atol=1e-10, rtol=0
    )


def test_the_posterior_is_that_of_bayes(images):
    model = solved()
    x, z = images.flatten(1), torch.randn(5, LATENT, dtype=torch.float64)
    mean, root = model.posterior(x)
    deviation = model.log_deviation.exp()
    seen = torch.distributions.Normal(z @ model.weight.T + model.bias, deviation).log_prob(x).sum(1)
    prior = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    torch.testing.assert_close(MultivariateNormal(mean, scale_tril=root).log_prob(z), prior + seen - density(model, x))


def test_with_the_true_posterior_the_elbo_is_the_likelihood(images):
    model = solved()
    weights = model.log_weights(images, 20, range(5))
    wanted = density(model, images.flatten(1))
    torch.testing.assert_close(weights, wanted[:, None].expand(5, 20), atol=1e-10, rtol=0)
    torch.testing.assert_close(weights.mean(1), wanted, atol=1e-10, rtol=0)


def test_another_posterior_costs_its_divergence_from_the_true_one(images):
    stretch, draws = 1.5, 20_000
    model = solved(stretch=stretch)
    gap = density(model, images.flatten(1)) - model.log_weights(images, draws, range(5)).mean(1)
    assert gap.mean() == pytest.approx(LATENT / 2 * (stretch**2 - 1 - math.log(stretch**2)), rel=0.02)


def test_more_draws_are_a_tighter_bound_that_ends_at_the_likelihood(images):
    """In expectation; over 1,000 repetitions of 5 images, by the same draws."""
    model, truth = solved(stretch=2.0), density(solved(), images.flatten(1))
    weights = model.log_weights(images, 64_000, range(5)).view(5, 1000, 64)
    bounds = [float((weights[..., :k].logsumexp(-1) - math.log(k)).mean(1).sub(truth).mean()) for k in (1, 2, 4, 8, 16, 32, 64)]
    assert all(low < high < 0.003 for low, high in pairwise(bounds))
    assert bounds[0] == pytest.approx(-LATENT / 2 * (3 - math.log(4)), rel=0.05) and bounds[-1] > -0.02


def test_more_draws_add_to_fewer_and_a_batch_changes_nothing(images):
    model = solved(stretch=1.3)
    whole = model.log_weights(images, 50, [7, 8, 9, 10, 11])
    torch.testing.assert_close(model.log_weights(images, 3, [7, 8, 9, 10, 11]), whole[:, :3])
    torch.testing.assert_close(model.log_weights(images[2:3], 50, [9]), whole[2:3])


def test_training_finds_what_scikit_learn_finds_on_dequantised_digits():
    from sklearn.decomposition import PCA

    recipe = (
        zoo.registry()
        .recipe("generative/linear-gaussian-mnist")
        .model_copy(
            update={
                "dataset": "data/digits",
                "config": {"side": 8, "latent": 5},
                "input": ImageInput(channels=1, size=(8, 8)),
                "validation": 0.1,
            }
        )
    )
    record = zoo.train(recipe, device="cpu")
    data = zoo.dataset("data/digits", "train")
    from zoo.imaging import prepare_image
    from zoo.tasks.generate.likelihood import dequantised
    from zoo.training import split_validation

    chosen = split_validation(data, 0.1, 0, "samples")[0]
    want = ImageInput(channels=1, size=(8, 8))
    x = np.stack([dequantised(prepare_image(data[i].input, want), data.ids[i]).numpy().ravel() for i in chosen]).astype(float)
    reference = PCA(5, svd_solver="full").fit(x)
    assert record.history[0].loss == pytest.approx(-reference.score(x), rel=1e-3)  # which divides by n - 1
    assert record.score == pytest.approx(-record.history[0].loss, rel=0.2)
