"""The GPT of characters: probabilities that add up, causal, and alike however spans are batched."""

import math

import pytest
import torch

import zoo
from zoo.data import SHAKESPEARE
from zoo.data.spans import Span
from zoo.errors import DataError, ModelError
from zoo.tasks.generate.text import SpanTooLongError
from zoo_generative.char_gpt import CharGPT

pytestmark = pytest.mark.usefixtures("no_gradients")


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def gpt():
    torch.manual_seed(0)
    model = CharGPT("abcd", window=12, width=16, layers=2, heads=2).eval()
    for parameter in model.parameters():
        parameter.mul_(3)
    return model


def test_all_texts_of_a_length_have_probability_one(gpt):
    texts = [Span(a + b + c, "ab") for a in "abcd" for b in "abcd" for c in "abcd"]
    found = gpt.span_likelihood(texts)
    assert float(found.log_likelihood.logsumexp(0)) == pytest.approx(0, abs=1e-5)
    assert float(found.log_likelihood.std()) > 0.1 and set(found.tokens) == {3}


def test_the_likelihood_of_a_text_is_the_product_over_its_characters(gpt):
    text, context = "badcab", "dd"
    one_by_one = [gpt.span_likelihood([Span(text[i], context + text[:i])]).log_likelihood for i in range(len(text))]
    whole = gpt.span_likelihood([Span(text, context)]).log_likelihood
    torch.testing.assert_close(whole, sum(one_by_one), atol=1e-5, rtol=0)


def test_other_spans_of_the_batch_change_nothing(gpt):
    spans = [Span("abc", ""), Span("d", "abcdabcdabc"), Span("dcba" * 3, ""), Span("a", "b")]
    together = gpt.span_likelihood(spans).log_likelihood
    alone = torch.cat([gpt.span_likelihood([span]).log_likelihood for span in spans])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_a_model_that_knows_nothing_needs_log2_of_its_alphabet():
    model = CharGPT(width=16, layers=1, heads=2)
    model.tokens.weight.zero_()
    found = model.span_likelihood([Span("to be", "or "), Span("not", "")])
    assert found.log_likelihood.tolist() == pytest.approx([-5 * math.log(65), -3 * math.log(65)], rel=1e-6)


def test_a_span_must_fit_the_window(gpt):
    gpt.span_likelihood([Span("abcd" * 2, "abcd")])
    with pytest.raises(SpanTooLongError) as caught:
        gpt.span_likelihood([Span("a", ""), Span("abcd" * 2, "abcda")])
    assert (caught.value.place, caught.value.tokens, caught.value.window) == (1, 13, 12)


def test_more_characters_than_the_window_are_refused(gpt):
    assert gpt.logits(torch.zeros(1, 12, dtype=torch.long)).shape == (1, 12, 4)
    with pytest.raises(ModelError, match="13 characters are more than the window of 12"):
        gpt.logits(torch.zeros(1, 13, dtype=torch.long))


def test_a_character_that_it_does_not_know_is_named(gpt):
    with pytest.raises(ModelError, match="'é' is not among them"):
        gpt.span_likelihood([Span("abé", "")])


def test_what_it_writes_hangs_on_the_seed_alone(gpt):
    first, second = gpt(["ab", None], [1, 2], length=20)
    assert gpt([None], [2], length=20) == [second]
    assert len(first) == len(second) == 20 and set(first + second) <= set("abcd") and first != second


def test_the_alphabet_is_that_of_shakespeare(real_data):
    text = (real_data / "tiny_shakespeare" / "input.txt").read_bytes().decode()
    assert "".join(sorted(set(text))) == SHAKESPEARE


def test_a_window_that_no_passage_of_the_training_text_fills_is_refused(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be " * 1000)
    small = {"config": {"width": 16, "layers": 1, "heads": 2, "window": 20_000}, "validation": 0.3}
    where = {"benchmark": "", "dataset": f"text:{text}", "split": "test"}
    recipe = zoo.registry().recipe("generative/char-gpt-tiny-shakespeare").model_copy(update=small | where)
    with pytest.raises(DataError, match="fills a window of 20000; the longest has"):
        zoo.train(recipe, device="cpu")
