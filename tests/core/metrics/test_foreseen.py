"""Metrics of likelihoods: totals divided once, bounds in order, intervals that cover."""

import math

import numpy as np
import pytest
import torch

from zoo.errors import DataError
from zoo.metrics.language import BitsPerByte, BitsPerCharacter, Perplexity, WordPerplexity
from zoo.metrics.likelihood import ElboBinarised, IwaeBinarised
from zoo.tasks.base import Rows


def texts(nll, tokens, characters=None, words=None, size=None, lost=None):
    n = len(nll)
    characters = tokens if characters is None else characters
    columns = {
        "nll": nll,
        "tokens": tokens,
        "characters": characters,
        "bytes": characters if size is None else size,
        "words": tokens if words is None else words,
        "context": np.zeros(n),
        "lost": np.zeros(n) if lost is None else lost,
    }
    integers = {name: np.asarray(column, dtype=np.int64) for name, column in columns.items() if name != "nll"}
    return Rows([f"t{i}" for i in range(n)], {**integers, "nll": np.asarray(nll, dtype=np.float64)}, ())


def images(log_weights, pixels="binarised"):
    weights = np.asarray(log_weights, dtype=np.float64)
    return Rows([f"i{i}" for i in range(len(weights))], {"log_weights": weights, "pixels": np.full(len(weights), pixels)}, ())


def score(metric, rows):
    return metric.compute(metric.update(rows), ())


def test_perplexity_is_that_of_the_total_not_the_mean_of_spans():
    logits, target = torch.randn(70, 9, generator=torch.Generator().manual_seed(0)).double(), torch.arange(70) % 9
    nll = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    spans = texts([nll[:3].sum(), nll[3:40].sum(), nll[40:].sum()], [3, 37, 30])
    assert score(Perplexity(), spans).value == pytest.approx(float(nll.mean().exp()), rel=1e-12)


def test_each_figure_counts_its_own_unit():
    spans = texts([10.0, 30.0], tokens=[4, 6], characters=[16, 24], words=[3, 5], size=[20, 30])
    assert score(BitsPerCharacter(), spans).value == pytest.approx(1 / math.log(2), rel=1e-12)
    assert score(BitsPerByte(), spans).value == pytest.approx(0.8 / math.log(2), rel=1e-12)
    assert score(Perplexity(), spans).value == pytest.approx(math.exp(4), rel=1e-12)
    assert score(WordPerplexity(), spans).value == pytest.approx(math.exp(5), rel=1e-12)


def test_tokenizers_that_cut_otherwise_score_alike_per_character():
    fine, coarse = texts([9.0, 7.0], [40, 32], characters=[40, 32]), texts([9.0, 7.0], [10, 8], characters=[40, 32])
    assert score(BitsPerCharacter(), fine).value == score(BitsPerCharacter(), coarse).value
    assert score(Perplexity(), fine).value < score(Perplexity(), coarse).value


def test_the_interval_of_bits_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        characters = rng.integers(40, 64, size=200)
        nll = rng.gamma(4, 0.5, size=200) * characters / 2  # 1 nat a character in the mean
        found = score(BitsPerCharacter(), texts(nll, characters))
        covered += found.ci_low <= 1 / math.log(2) <= found.ci_high
    assert 0.92 <= covered / 400 <= 0.98


def test_a_text_without_words_has_no_word_perplexity():
    assert score(WordPerplexity(), texts([1.0], [3], words=[0])).value is None


def test_bounds_are_those_of_torch():
    weights = torch.randn(20, 16, generator=torch.Generator().manual_seed(1)).double() * 3 - 90
    elbo, iwae = score(ElboBinarised(), images(weights)), score(IwaeBinarised(), images(weights))
    assert elbo.value == pytest.approx(float(weights.mean()), rel=1e-12)
    assert iwae.value == pytest.approx(float((weights.logsumexp(1) - math.log(16)).mean()), rel=1e-12)
    first = score(IwaeBinarised(k=4), images(weights)).value
    assert first == pytest.approx(float((weights[:, :4].logsumexp(1) - math.log(4)).mean()), rel=1e-12)


def test_no_sample_has_an_elbo_above_its_iwae_bound():
    weights = np.random.default_rng(2).normal(-90, 5, size=(500, 50))
    lower, upper = ElboBinarised().update(images(weights))["values"], IwaeBinarised().update(images(weights))["values"]
    assert (lower <= upper).all()


def test_likelihoods_of_other_pixels_are_refused():
    with pytest.raises(DataError, match="likelihoods of dequantised pixels, not of binarised ones"):
        score(ElboBinarised(), images([[1.0]], pixels="dequantised"))


@pytest.mark.parametrize(
    ("metric", "unit"), [(BitsPerCharacter(), "character"), (BitsPerByte(), "byte"), (WordPerplexity(), "word")]
)
def test_nothing_is_said_per_character_where_tokens_lose_some(metric, unit):
    found = score(metric, texts([2.0, 3.0], [4, 5], characters=[30, 20], lost=[0, 1]))
    assert found.value is None and found.ci_low is None and found.n == 2
    assert found.interval == f"none: the model's tokens lose 2 % of the characters, so nothing is said per {unit}"
    assert score(metric, texts([2.0, 3.0], [4, 5], characters=[30, 20])).value is not None


def test_perplexity_says_what_its_tokens_lose():
    found = score(Perplexity(), texts([2.0, 3.0], [4, 5], characters=[30, 20], lost=[0, 1]))
    assert found.value == pytest.approx(math.exp(5 / 9))
    assert found.note.endswith("; the model's tokens lose 2 % of the characters")
