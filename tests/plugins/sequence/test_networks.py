"""The text classifiers: a prediction depends on its own text alone, and every text has one."""

import random

import pytest
import torch
from torch import nn

from zoo.lazy import load_target
from zoo_sequence.sms_specs import MODELS

SPECS = {spec.name: spec for spec in MODELS}
TEXTS = [
    "",
    " ",
    "ok",
    "😀😀",
    "\ud800",
    "a" * 10_000,
    "win a prize " * 900,
    "Call 09061701461 NOW!",
    "Hi, wie geht's? Ünïcode",
    "\x00\n",
]


def built(name: str, **config: object) -> nn.Module:
    torch.manual_seed(0)
    spec = SPECS[name]
    return load_target(spec.tasks["classify"])(**{**spec.config, **config}).eval()


@pytest.mark.parametrize("name", SPECS)
def test_every_text_has_finite_logits(name: str) -> None:
    with torch.inference_mode():
        logits = built(name)(TEXTS)
    assert logits.shape == (len(TEXTS), 2)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_prediction_does_not_depend_on_what_else_is_in_the_batch(name: str, size: int) -> None:
    model = built(name)
    order = list(range(len(TEXTS)))
    random.Random(size).shuffle(order)
    with torch.inference_mode():
        whole = model(TEXTS)
        parts = torch.cat([model([TEXTS[i] for i in order[start : start + size]]) for start in range(0, len(order), size)])
    assert torch.allclose(whole[order], parts, atol=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_words_after_the_stated_maximum_are_not_read(name: str) -> None:
    model = built(name, most_words=4)
    with torch.inference_mode():
        assert torch.equal(model(["one two three four"]), model(["one two three four five " * 50]))
        assert not torch.equal(model(["one two three four"]), model(["one two three five"]))


@pytest.mark.parametrize("name", SPECS)
def test_two_calls_agree_exactly(name: str) -> None:
    model = built(name)
    with torch.inference_mode():
        assert torch.equal(model(TEXTS), model(TEXTS))


def test_word_order_matters_to_a_recurrent_network_and_not_to_single_ngrams() -> None:
    with torch.inference_mode():
        gru, bag = built("gru"), built("ngram-bag")
        assert not torch.allclose(gru(["dog bites man"]), gru(["man bites dog"]), atol=1e-6)
        assert torch.allclose(bag(["dog"]), bag(["Dog"]))


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_gets_a_gradient_where_a_text_is_empty(name: str) -> None:
    model = built(name).train()
    model(["", "free entry"]).sum().backward()
    assert all(parameter.grad is not None and torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("name", SPECS)
def test_shipped_weights_stay_small(name: str) -> None:
    assert 4 * sum(parameter.numel() for parameter in built(name).parameters()) < 1_500_000
