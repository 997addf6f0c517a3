"""The recurrent language models: probabilities that add up, spans that do not hang on each other, text from a seed."""

import math

import pytest
import torch

from zoo.data import SHAKESPEARE, Span
from zoo.errors import ModelError
from zoo_sequence.char_rnn import CharRNN

CELLS = ("rnn", "gru", "lstm")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(params=CELLS)
def model(request):
    torch.manual_seed(0)
    built = CharRNN(request.param, hidden=12, layers=2, width=8, dropout=0.5, alphabet="abcd").eval()
    for parameter in built.parameters():
        parameter.mul_(2)
    return built


def test_all_texts_of_a_length_have_probability_one(model):
    found = model.span_likelihood([Span(a + b + c, "ab") for a in "abcd" for b in "abcd" for c in "abcd"])
    assert float(found.log_likelihood.logsumexp(0)) == pytest.approx(0, abs=1e-5)
    assert float(found.log_likelihood.std()) > 0.1
    assert set(found.tokens) == {3}


def test_the_likelihood_of_a_text_is_the_product_over_its_characters(model):
    text, context = "badcab", "dd"
    one_by_one = [model.span_likelihood([Span(text[i], context + text[:i])]).log_likelihood for i in range(len(text))]
    torch.testing.assert_close(model.span_likelihood([Span(text, context)]).log_likelihood, sum(one_by_one), atol=1e-5, rtol=0)


def test_other_spans_of_the_batch_change_nothing(model):
    spans = [Span("abc", ""), Span("d", "abcdabcdabc"), Span("dcba" * 30, ""), Span("a", "b")]
    alone = torch.cat([model.span_likelihood([span]).log_likelihood for span in spans])
    torch.testing.assert_close(model.span_likelihood(spans).log_likelihood, alone, atol=1e-5, rtol=0)


def test_a_text_read_in_chunks_with_the_state_carried_has_the_logits_of_the_whole(model):
    tokens = torch.randint(4, (3, 20), generator=torch.Generator().manual_seed(0))
    whole, _ = model.logits(tokens)
    first, state = model.logits(tokens[:, :7])
    second, _ = model.logits(tokens[:, 7:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-5, rtol=0)


def test_what_it_writes_hangs_on_prompt_and_seed_alone_and_follows_its_own_probabilities(model):
    first, second = model(["ab", None], [1, 2], length=20)
    assert model([None], [2], length=20) == [second]
    assert len(first) == len(second) == 20
    assert set(first + second) <= set("abcd") and first != second
    drawn = [text[0] for text in model(["ab"] * 400, range(400), length=1)]
    for character in "abcd":
        chance = float(model.span_likelihood([Span(character, "ab")]).log_likelihood.exp())
        assert drawn.count(character) / 400 == pytest.approx(chance, abs=0.1)


def test_a_model_that_knows_nothing_needs_log2_of_its_alphabet():
    built = CharRNN("rnn", hidden=8)
    for parameter in built.output.parameters():
        parameter.zero_()
    found = built.span_likelihood([Span("to be", "or "), Span("not", "")])
    assert found.log_likelihood.tolist() == pytest.approx([-5 * math.log(65), -3 * math.log(65)], rel=1e-6)


def test_a_character_that_it_does_not_know_is_named(model):
    with pytest.raises(ModelError, match="'é' is not among them"):
        model.span_likelihood([Span("abé", "")])
    with pytest.raises(ModelError, match="'é' is not among them"):
        model(["é"], [0])


def test_the_alphabet_is_that_of_shakespeare(real_data):
    text = (real_data / "tiny_shakespeare" / "input.txt").read_bytes().decode()
    assert "".join(sorted(set(text))) == SHAKESPEARE
