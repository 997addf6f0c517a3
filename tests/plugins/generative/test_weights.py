"""The shipped weights on real data: bounds in order, digits nearer to real ones than noise, Shakespeare foreseen."""

import numpy as np
import pyarrow.parquet as pq
import pytest

import zoo


def values(record):
    return {result.metric: result.value for result in record.results}


def test_the_gpt_foresees_shakespeare(real_data):
    found = values(zoo.evaluate("generative/char-gpt", "tiny-shakespeare", limit=256))
    assert found["bits-per-character"] <= 2.3
    assert found["perplexity"] == pytest.approx(2 ** found["bits-per-character"], rel=1e-9)  # a token is a character


def test_the_gpts_score_does_not_hang_on_the_batch(real_data):
    sizes = [values(zoo.evaluate("generative/char-gpt", "tiny-shakespeare", limit=40, batch_size=n, fresh=True)) for n in (1, 32)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)


def test_no_image_has_an_elbo_above_its_iwae_bound(real_data, zoo_home):
    found = values(zoo.evaluate("generative/vae", "mnist-binarised", limit=300))
    rows = [row for path in zoo_home.rglob("shards/*.parquet") for row in pq.read_table(path)["log_weights"].to_pylist()]
    weights = np.array(rows)
    assert weights.shape == (300, 50)
    assert (weights.mean(1) <= np.logaddexp.reduce(weights, axis=1) - np.log(50)).all()
    assert -110 < found["elbo-binarised"] < found["iwae-binarised:k=5"] < found["iwae-binarised:k=50"] < -70


def test_drawn_digits_do_not_hang_on_the_batch(real_data):
    sizes = [values(zoo.evaluate("generative/ddpm", "mnist-samples", limit=6, batch_size=n, fresh=True)) for n in (1, 6)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-2, abs=1e-3)  # pixels are rounded to 8 bits


def test_few_digits_are_nearer_to_real_ones_than_noise(real_data):
    drawn, noise = (zoo.evaluate(f"generative/{name}", "mnist-samples", limit=100).primary.value for name in ("ddpm", "noise"))
    assert 3 * drawn < noise


@pytest.mark.slow
def test_the_diffusion_model_is_five_times_nearer_than_noise(real_data):
    drawn, noise = (zoo.evaluate(f"generative/{name}", "mnist-samples").primary.value for name in ("ddpm", "noise"))
    assert 5 * drawn < noise


def collapsed(conditions, seeds):
    """One digit for all seeds, as it stands in the data."""
    return [zoo.dataset("mnist", "test")[0].input.float() / 255] * len(seeds)


def test_a_generator_that_has_collapsed_covers_nothing(real_data):
    found = zoo.evaluate(collapsed, "mnist-modes", task="generate", limit=200).results
    assert found[0].value == 0 and found[0].ci_high < 0.5 and "9 of 10 classes are never drawn" in found[0].note
    assert sorted(found[1].detail["class-shares"])[-2:] == [0, 1]


def test_what_is_asked_for_is_drawn(real_data):
    record = zoo.evaluate("generative/ddpm-class", "mnist-class-samples", options={"steps": 10}, limit=10)
    assert record.primary.value >= 0.9


def test_the_vae_of_clothes_bounds_their_likelihood(real_data):
    found = values(zoo.evaluate("generative/vae", "fashion-mnist-binarised", limit=200))
    assert -270 < found["elbo-binarised"] < found["iwae-binarised:k=5"] < found["iwae-binarised:k=50"] < -200


def test_bounds_with_the_true_posterior_are_the_likelihood(real_data):
    bound, exact = (
        values(zoo.evaluate("generative/linear-gaussian", "mnist-dequantised", options={"exact": exact}, limit=100))
        for exact in (False, True)
    )
    assert bound == pytest.approx(exact, abs=1e-8)


@pytest.mark.slow
def test_the_adversarial_network_draws_every_digit_near_to_real_ones(real_data):
    near = zoo.evaluate("generative/gan", "mnist-samples").primary.value
    shares = zoo.evaluate("generative/gan", "mnist-modes").results[1].detail["class-shares"]
    assert near <= 12 and min(shares) >= 0.05
