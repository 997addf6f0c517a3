"""Causal language models: the likelihood of a text after another, as one computes it by hand, token by token."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import zoo
from zoo.data.spans import Span
from zoo.errors import ModelError, PredictionError
from zoo.plugins.registry import registry
from zoo.tasks.generate.text import SpanTooLongError
from zoo_hub.language import TransformersLanguageModel

SPANS = [Span(" to be", "or not"), Span("To be", ""), Span("that is the question", "whether 'tis nobler "), Span("é", "caf")]


def loaded(folder: Path) -> TransformersLanguageModel:
    model: TransformersLanguageModel = zoo.load(f"hf/{folder}", task="generate")
    return model


def test_a_folder_of_a_causal_model_is_a_model_of_texts(language_model: Path) -> None:
    spec = registry().model(f"hf/{language_model}")
    assert (spec.modality, list(spec.tasks)) == ("text", ["generate"])


def test_likelihoods_are_those_of_the_loss_of_transformers(language_model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(language_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(language_model)
    with torch.inference_mode():
        ours = loaded(language_model).span_likelihood(SPANS)
        for span, found, tokens in zip(SPANS, ours.log_likelihood, ours.tokens, strict=True):
            context = tokenizer(span.context)["input_ids"] if span.context else [tokenizer.bos_token_id]
            text = tokenizer(span.text)["input_ids"]
            labels = torch.tensor([[-100] * len(context) + text])
            loss = network(input_ids=torch.tensor([context + text]), labels=labels).loss  # mean over the text's tokens
            assert tokens == len(text) == len(span.text.encode())
            assert float(found) == pytest.approx(-float(loss) * len(text), abs=1e-3)


def test_weights_in_several_files_are_those_in_one(language_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = Path(shutil.copytree(language_model, tmp_path / "parts"))
    (folder / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(language_model).save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1 and not (folder / "model.safetensors").exists()
    whole, parts = loaded(language_model), loaded(folder)
    assert whole.state_dict().keys() == parts.state_dict().keys()
    assert all(torch.equal(whole.state_dict()[name], tensor) for name, tensor in parts.state_dict().items())


def test_neighbours_in_a_batch_and_its_order_do_not_matter(language_model: Path) -> None:
    model = loaded(language_model)
    with torch.inference_mode():
        together = model.span_likelihood(SPANS).log_likelihood
        alone = torch.cat([model.span_likelihood([span]).log_likelihood for span in SPANS])
        backwards = model.span_likelihood(SPANS[::-1]).log_likelihood.flip(0)
    assert torch.allclose(together, alone, atol=1e-4) and torch.allclose(together, backwards, atol=1e-4)


def test_likelihoods_of_all_next_characters_are_a_distribution(language_model: Path) -> None:
    """Over single bytes that are characters, the probabilities and that of the rest sum to at most 1, nearly all of it."""
    ascii_ = [Span(chr(i), "to be") for i in range(128)]
    with torch.inference_mode():
        total = float(loaded(language_model).span_likelihood(ascii_).log_likelihood.exp().sum())
    assert 0.3 < total < 1  # 128 of 257 tokens of a model that knows nothing yet


def test_a_span_longer_than_the_window_is_refused_with_its_place(language_model: Path) -> None:
    model = loaded(language_model)
    with torch.inference_mode():
        model.span_likelihood([Span("b" * 7, "a" * 250)])  # 256 tokens are read to foresee the 257th
        with pytest.raises(SpanTooLongError) as caught:
            model.span_likelihood([SPANS[0], Span("b" * 8, "a" * 250)])
    assert (caught.value.place, caught.value.window) == (1, 256)


def test_a_window_that_fits_is_named(language_model: Path, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("word " * 300)
    with pytest.raises(PredictionError, match="longer than the window of 256") as caught:
        zoo.evaluate(f"hf/{language_model}", f"text:{tmp_path}/own.txt", protocol={"window": None})
    assert "protocol.window=256" in caught.value.hint


def test_where_no_window_fits_the_hint_is_another_dataset(language_model: Path, real_data: Path) -> None:
    with pytest.raises(PredictionError) as caught:
        zoo.evaluate(f"hf/{language_model}", "wikitext2", limit=2)
    assert "characters alone does not fit; take a dataset of shorter spans" in caught.value.hint


def test_an_encoder_is_no_language_model(text_classifier: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertLMHeadModel

    shutil.copytree(text_classifier, tmp_path / "bert")
    BertLMHeadModel(
        BertConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    ).save_pretrained(tmp_path / "bert")
    assert "BertLMHeadModel" in json.loads((tmp_path / "bert/config.json").read_text())["architectures"]
    with torch.inference_mode(), pytest.raises(ModelError, match="no causal language model"):
        loaded(tmp_path / "bert").span_likelihood([Span("cat", "the ")])
