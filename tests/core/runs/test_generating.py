"""Generation through the runner: samples compared as a set, likelihoods of images and of texts, each by a tiny model."""

import math
import sys

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.errors import DataError, ModelError, OptionError, PredictionError
from zoo.tasks.generate.text import SpanLikelihood, SpanTooLongError

PLUGIN = """
    import torch
    from zoo.data import Sample, SampleSequence, cut_spans
    from zoo.hookspecs import hookimpl
    from zoo.specs import BenchmarkSpec, DatasetSpec
    from zoo.tasks import Reals

    TEXT = "to be, or not to be: that is the question.\\n" * 40

    @hookimpl
    def zoo_datasets():
        common = dict(tasks=("generate",), licence="CC0-1.0", citation="made up")
        return [
            DatasetSpec(name=name, summary="Toy", modality=modality, target=f"zoo_tiny:open_{name}", splits={"test": n}, **common)
            for name, modality, n in (("faces", "image", 300), ("dots", "image", 60), ("verse", "text", None))
        ]

    @hookimpl
    def zoo_benchmarks():
        image = dict(task="generate", modality="image")
        return [
            BenchmarkSpec(name="drawn", summary="Draw.", dataset="tiny/faces", aux={"features": "intro/logistic@digits"},
                          metrics=("frechet-distance", "sample-precision", "sample-recall"), **image),
            BenchmarkSpec(name="likely", summary="Bound.", dataset="tiny/dots", protocol={"pixels": "binarised", "draws": 8},
                          metrics=("elbo-binarised", "iwae-binarised:k=8", "iwae-binarised:k=2"), **image),
        ]

    class Listed(SampleSequence):
        classes = None

        def __init__(self, name, inputs, targets):
            self.ids, self.inputs, self.targets = [f"{name}{i:03}" for i in range(len(inputs))], inputs, targets
            self.fingerprint = name

        def __getitem__(self, index):
            return Sample(self.ids[index], self.inputs[index], self.targets[index])

    def open_faces(files, split):
        images = torch.rand(600, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        return Listed("face", [None] * 300, [Reals(a, b) for a, b in zip(images[:300], images[300:])])

    def open_dots(files, split):
        return Listed("dot", torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(1)), [0] * 60)

    def open_verse(files, split):
        spans = list(cut_spans(TEXT, 32, 96))
        return Listed("line", spans, [0] * len(spans))
"""


class Pixels(nn.Module):
    """Features: the pixels themselves."""

    def forward(self, images):
        return images.flatten(1)


class Painter(nn.Module):
    """Draws what the real images are: even noise, by the seed of each sample; `gain` spoils it."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = gain

    def forward(self, conditions, seeds):
        assert conditions == [None] * len(seeds)
        return [self.gain * torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(seed)) for seed in seeds]


class Coin(nn.Module):
    """A density of independent pixels, and a bound that is looser by noise of the sample's seed."""

    def __init__(self, exact=False):
        super().__init__()
        self.exact = exact

    def forward(self, conditions, seeds):
        raise NotImplementedError

    def log_weights(self, images, draws, seeds):
        exact = torch.full((len(images), 1), 16 * math.log(0.5), dtype=torch.float64)
        if self.exact:
            return exact
        noise = [torch.randn(draws, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
        return exact - 0.5 + torch.stack(noise)  # E exp(noise - 1/2) = 1: an unbiased estimate of the likelihood


class Uniform(nn.Module):
    """Every character one token, all of `size` equally likely; sees no more than `window` of them."""

    def __init__(self, size=65, window=10**6):
        super().__init__()
        self.size, self.window = size, window

    def span_likelihood(self, spans):
        for place, (text, context) in enumerate(spans):
            if len(text) + len(context) > self.window:
                raise SpanTooLongError(place, len(text) + len(context), self.window)
        tokens = [len(text) for text, _ in spans]
        return SpanLikelihood(-math.log(self.size) * torch.tensor(tokens, dtype=torch.float64), tokens)


@pytest.fixture(autouse=True)
def tiny(plugin, monkeypatch):
    plugin("tiny", PLUGIN)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def values(record):
    return {result.metric: result.value for result in record.results}


def test_samples_of_the_real_distribution_are_as_far_as_real_images_are():
    record = zoo.evaluate(Painter(), "tiny/drawn", aux={"features": Pixels()})
    found = values(record)
    floor = float(record.primary.note.split("have ")[1])
    assert found["frechet-distance"] == pytest.approx(floor, rel=0.5)
    assert found["sample-precision"] > 0.8 and found["sample-recall"] > 0.8
    assert record.primary.n == 300 and record.protocol["aux"] == {"features": "local/Pixels"}


def test_spoilt_samples_are_further():
    near, far = (values(zoo.evaluate(Painter(gain), "tiny/drawn", aux={"features": Pixels()})) for gain in (1.0, 0.5))
    assert far["frechet-distance"] > 5 * near["frechet-distance"]
    assert far["sample-recall"] < 0.5 * near["sample-recall"]


@pytest.mark.parametrize(("model", "on"), [(Painter(), "tiny/drawn"), (Coin(), "tiny/likely"), (Uniform(), "tiny/verse")])
def test_scores_do_not_hang_on_batch_size_or_shards(model, on):
    aux = {"features": Pixels()} if on == "tiny/drawn" else {}
    found = [values(zoo.evaluate(model, on, aux=aux, batch_size=size, fresh=True)) for size in (1, 7, 64)]
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-9)


def test_features_alone_are_stored_where_the_protocol_says_so(shard_files):
    import pyarrow.parquet as pq

    zoo.evaluate(Painter(), "tiny/drawn", aux={"features": Pixels()}, protocol={"store": "nothing"})
    assert pq.read_table(shard_files()[0]).column_names == ["id", "features", "real", "another"]


def test_drawn_images_can_be_saved_as_figures(zoo_home):
    zoo.evaluate(Painter(), "tiny/drawn", aux={"features": Pixels()}, save_figures=2, limit=5)
    assert len(list(zoo_home.rglob("figures/*.png"))) == 2


@pytest.mark.parametrize(("value", "message"), [(1.5, r"outside \[0, 1\]"), (float("nan"), "NaN or infinite pixels")])
def test_bad_pixels_name_their_samples(value, message):
    class Bad(Painter):
        def forward(self, conditions, seeds):
            images = super().forward(conditions, seeds)
            images[3][0, 0, 0] = value
            return images

    with pytest.raises(PredictionError, match=f"{message}.* for 1 samples: face003"):
        zoo.evaluate(Bad(), "tiny/drawn", aux={"features": Pixels()})


def test_a_metric_that_names_a_space_refuses_another():
    with pytest.raises(DataError, match="features of local/Pixels, not of cnn/lenet5@mnist"):
        zoo.evaluate(Painter(), "tiny/drawn", aux={"features": Pixels()}, metrics=["fd-lenet"])


def test_bounds_are_in_order_for_every_sample_and_rise_with_draws():
    found = values(zoo.evaluate(Coin(), "tiny/likely"))
    assert found["elbo-binarised"] <= found["iwae-binarised:k=2"] <= found["iwae-binarised:k=8"]
    assert found["iwae-binarised:k=8"] == pytest.approx(16 * math.log(0.5), abs=0.2)


def test_an_exact_density_is_its_own_bound():
    found = values(zoo.evaluate(Coin(exact=True), "tiny/likely"))
    assert found == pytest.approx(dict.fromkeys(found, 16 * math.log(0.5)), rel=1e-12)


def test_a_bound_of_more_draws_than_are_made_is_refused_before_the_model_runs(shard_files):
    with pytest.raises(DataError, match="needs 20 draws, but the run made 8"):
        zoo.evaluate(Coin(), "tiny/likely", metrics=["iwae-binarised:k=20"])
    assert shard_files() == []


def test_a_generator_without_likelihood_is_told_so():
    with pytest.raises(ModelError, match="knows no likelihood"):
        zoo.evaluate(Painter(), "tiny/likely")


def test_log_weights_must_be_finite():
    class Bad(Coin):
        def log_weights(self, images, draws, seeds):
            weights = super().log_weights(images, draws, seeds)
            weights[2] = float("nan")
            return weights

    with pytest.raises(PredictionError, match="for 1 samples: dot002"):
        zoo.evaluate(Bad(), "tiny/likely")


def test_a_uniform_model_needs_log2_of_its_alphabet_bits_a_character():
    record = zoo.evaluate(Uniform(65), "tiny/verse")
    found = values(record)
    assert found["bits-per-character"] == found["bits-per-byte"] == pytest.approx(math.log2(65), rel=1e-12)
    assert found["perplexity"] == pytest.approx(65, rel=1e-12)
    assert found["word-perplexity"] == pytest.approx(65 ** (43 / 10), rel=1e-9)  # 43 characters and 10 words a line
    assert "window 128 characters, stride 32" in record.primary.note


def test_the_window_is_a_setting_and_is_stated():
    record = zoo.evaluate(Uniform(), "tiny/verse", protocol={"window": 40})
    assert "window 40 characters" in record.primary.note
    with pytest.raises(OptionError, match="window of 8 characters is shorter than sample line000"):
        zoo.evaluate(Uniform(), "tiny/verse", protocol={"window": 8})


def test_a_span_longer_than_the_models_window_is_an_error_that_says_what_to_do():
    with pytest.raises(PredictionError, match="longer than the window of 100 of local/Uniform") as caught:
        zoo.evaluate(Uniform(window=100), "tiny/verse")
    assert "protocol.window=100" in caught.value.hint and caught.value.ids[0].startswith("line")
    zoo.evaluate(Uniform(window=100), "tiny/verse", protocol={"window": 100})


@pytest.mark.parametrize(
    ("likelihood", "message"), [(float("nan"), "NaN or infinite log-likelihoods"), (0.5, "positive log-likelihoods")]
)
def test_an_impossible_likelihood_names_its_sample(likelihood, message):
    class Bad(Uniform):
        def span_likelihood(self, spans):
            found = super().span_likelihood(spans)
            found.log_likelihood[0] = likelihood
            return found

    with pytest.raises(PredictionError, match=f"{message}.* for 1 samples: line000"):
        zoo.evaluate(Bad(), "tiny/verse")


@pytest.mark.parametrize(("tokens", "lost", "message"), [(1, -1, "negative counts of lost characters"), (0, 0, "no tokens")])
def test_a_text_of_no_tokens_is_one_that_is_lost(tokens, lost, message):
    class Losing(Uniform):
        def span_likelihood(self, spans):
            found = super().span_likelihood(spans)
            counts = [tokens, *list(found.tokens)[1:]]
            return found._replace(tokens=counts, lost=[self.lost, *[0] * (len(spans) - 1)])

    model = Losing()
    model.lost = lost
    with pytest.raises(PredictionError, match=f"{message} for 1 samples: line000"):
        zoo.evaluate(model, "tiny/verse")
    model.lost = 1
    results = {result.metric: result for result in zoo.evaluate(model, "tiny/verse").results}
    assert results["bits-per-character"].value is None and "lose" in results["bits-per-character"].interval


def test_a_model_that_is_no_language_model_is_told_so():
    with pytest.raises(ModelError, match="knows no likelihood of a text"):
        zoo.evaluate(nn.Identity(), "tiny/verse")


def test_spans_are_the_text_and_their_words_are_its_words():
    from zoo.data.spans import count_words, cut_spans

    for text in ("to be, or  not\nto be " * 30, "x" * 100, " lead and trail \n", ""):
        for stride in (1, 5, 16, 1000):
            spans = list(cut_spans(text, stride, 12))
            assert "".join(span.text for span in spans) == text
            assert all(0 < len(span.text) <= stride and len(span.context) <= 12 for span in spans)
            assert sum(map(count_words, spans)) == len(text.split())


def test_folding_in_parts_is_folding_at_once():
    from zoo.metrics.frechet import FrechetDistance
    from zoo.tasks import Rows

    rng = np.random.default_rng(0)
    columns = {name: (1e4 + rng.normal(size=(90, 5))).astype(np.float64) for name in ("features", "real", "another")}
    columns["space"] = np.full(90, "toy")

    def rows(part):
        return Rows([str(i) for i in range(90)[part]], {name: column[part] for name, column in columns.items()}, ())

    metric = FrechetDistance()
    whole = metric.compute(metric.update(rows(slice(None))), ())
    parts = metric.merge_all([metric.update(rows(slice(a, b))) for a, b in ((0, 1), (1, 40), (40, 90))])
    assert metric.compute(parts, ()).value == pytest.approx(whole.value, rel=1e-9)
