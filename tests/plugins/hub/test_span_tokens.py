"""A span as tokens: encoded with its context, shared out by the characters, and what the tokens lose of it."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from zoo.data.spans import Span, cut_spans
from zoo_hub.span_tokens import span_tokens

POEM = (
    "Whose woods these are I think I know.\nHis house is in the village though;\n\nHe will not see me stopping here\n"
    "To watch his woods fill up with snow.\n\nMy little horse must think it queer\nTo stop without a farmhouse near. "
) * 4
KINDS = ("metaspace", "prepended", "bytes", "wordpiece")


def saved(folder: Path, kind: str) -> Path:
    """A tokenizer trained on the poem: with a mark before every text, in two ways, of bytes, or of lower-case words."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<s>", "</s>"]
    alphabet = sorted(set(POEM)) if kind != "bytes" else pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(vocab_size=330, special_tokens=special, initial_alphabet=[*alphabet, "▁"])
    own = Tokenizer(models.BPE(unk_token="<unk>"))
    if kind == "metaspace":
        own.pre_tokenizer, own.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    elif kind == "prepended":  # as Llama-2 has it: pieces may hold several words
        own.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        own.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    elif kind == "bytes":
        own.pre_tokenizer, own.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        own.post_processor = processors.ByteLevel(trim_offsets=True)
    else:
        own = Tokenizer(models.WordPiece(unk_token="<unk>"))
        own.normalizer, own.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        own.decoder = decoders.WordPiece(cleanup=False)
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special)
    own.train_from_iterator([POEM], trainer)
    PreTrainedTokenizerFast(tokenizer_object=own, unk_token="<unk>", bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: saved(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def whole(folder: Path, text: str) -> list[int]:
    from transformers import AutoTokenizer

    return list(AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("kind", ["metaspace", "bytes"])
def test_the_spans_of_a_text_share_out_its_tokens(folders: dict[str, Path], kind: str) -> None:
    text = POEM.replace("\n", " ")  # so that all borders of spans are borders of tokens, too
    spans = list(cut_spans(text, 40, len(text)))
    found = span_tokens(folders[kind], "", spans)
    mine = [token for one in found for token in one.tokens[len(one.tokens) - one.scored :]]
    assert len(spans) > 15 and mine == whole(folders[kind], text)
    assert not any(one.lost for one in found)


@pytest.mark.parametrize("kind", ["metaspace", "prepended", "bytes"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.lists(st.integers(1, len(POEM) - 1), min_size=1, max_size=8, unique=True))
def test_at_any_border_every_character_is_scored_and_none_is_lost(folders: dict[str, Path], kind: str, cuts: list[int]) -> None:
    """Also within a word or a token, which then counts for the span in which it ends."""
    places = [0, *sorted(cuts), len(POEM)]
    spans = [Span(POEM[start:end], POEM[:start]) for start, end in pairwise(places)]
    for span, found in zip(spans, span_tokens(folders[kind], "", spans), strict=True):
        assert found.tokens == whole(folders[kind], span.context + span.text) and not found.lost
        read = folders_decoded(folders[kind], found.tokens[len(found.tokens) - found.scored :])
        assert read.strip().endswith(span.text.strip()) and found.scored >= 1


def folders_decoded(folder: Path, tokens: list[int]) -> str:
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(folder).decode(tokens))


def test_a_token_over_the_border_counts_where_it_ends(folders: dict[str, Path]) -> None:
    (alone,) = span_tokens(folders["bytes"], "", [Span("farmhouse", "a ")])
    assert alone.scored == len(alone.tokens) - 1  # " farmhouse" begins with the space, which is the context's
    (cut,) = span_tokens(folders["metaspace"], "", [Span("oods", "these w")])
    assert cut.tokens == whole(folders["metaspace"], "these woods") and cut.scored == 1


def test_text_within_a_first_token_has_a_beginning_before_it(folders: dict[str, Path], tmp_path: Path) -> None:
    model = llama(saved(tmp_path, "metaspace"))
    with torch.inference_mode():
        found = model.span_likelihood([Span("hose", "W")])
    assert found.tokens == [1] and float(found.log_likelihood[0]) < 0


def llama(folder: Path) -> Any:
    """A tiny Llama, trained a little on the poem."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=340, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, bos_token_id=1,
        eos_token_id=2, max_position_embeddings=600,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    tokens = torch.tensor([[1, *whole(folder, POEM)[:120]]])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        network(input_ids=tokens, labels=tokens).loss.backward()
        optimizer.step()
    network.save_pretrained(folder)
    return zoo.load(f"hf/{folder}", task="generate")


@pytest.mark.parametrize("kind", ["metaspace", "prepended"])
def test_bits_per_character_are_those_of_the_whole_text(kind: str, tmp_path: Path) -> None:
    """By transformers alone: the loss of the text's own tokens, of which none has a space that the text has not."""
    from transformers import AutoModelForCausalLM

    model = llama(saved(tmp_path / "model", kind))
    text = POEM[: len(POEM) // 2]
    (tmp_path / "own.txt").write_text(text)
    record = zoo.evaluate(f"hf/{tmp_path}/model", f"text:{tmp_path}/own.txt", protocol={"window": None}, device="cpu")
    tokens = torch.tensor([[1, *whole(tmp_path / "model", text)]])
    with torch.inference_mode():
        network = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
        (alone,) = model.span_likelihood([Span(text, "")]).log_likelihood
        right = float(network(input_ids=tokens, labels=tokens).loss.double()) * (tokens.shape[1] - 1)
    assert -float(alone) == pytest.approx(right, rel=1e-5)
    found = {result.metric: result.value for result in record.results}["bits-per-character"]
    assert found is not None and record.results[0].n > 1
    by_spans = sum(joint_nll(network, tmp_path / "model", span) for span in spans_of(tmp_path / "own.txt"))
    assert found == pytest.approx(by_spans / len(text) / math.log(2), rel=1e-5)


def spans_of(path: Path) -> list[Span]:
    dataset = zoo.dataset(f"text:{path}")
    return [dataset[i].input for i in range(len(dataset.ids))]


def joint_nll(network: Any, folder: Path, span: Span) -> float:
    """Nats of the tokens that end within the span, context and span being encoded as one text."""
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(folder)(span.context + span.text, add_special_tokens=False, return_offsets_mapping=True)
    first = sum(end <= len(span.context) for _, end in found["offset_mapping"]) if span.context else 0
    tokens, skipped = found["input_ids"], first
    if not first:
        tokens, skipped = [1, *tokens], 1
    with torch.inference_mode():
        logits = network(input_ids=torch.tensor([tokens])).logits[0, :-1].double().log_softmax(-1)
    return -float(logits[torch.arange(len(tokens) - 1), tokens[1:]][skipped - 1 :].sum())


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (" will not see", 0),
        (" His House", 2),  # capitals
        ("  two", 1),  # spaces
        (" 中文", 3),  # signs of no word, and the space before them
        (" 中文 see", 3),
        ("\n", 1),
    ],
)
def test_what_the_tokens_do_not_give_back_is_counted(folders: dict[str, Path], text: str, lost: int) -> None:
    (found,) = span_tokens(folders["wordpiece"], "", [Span(text, "My little horse")])
    assert (found.lost > 0) == (lost > 0)
    if "two" not in text:
        assert found.lost == lost
    (of_bytes,) = span_tokens(folders["bytes"], "", [Span(text, "My little horse")])
    assert of_bytes.lost == 0


def test_of_a_model_that_loses_text_nothing_is_said_per_character(tmp_path: Path) -> None:
    llama(saved(tmp_path / "model", "wordpiece"))
    (tmp_path / "own.txt").write_text(POEM)
    record = zoo.evaluate(f"hf/{tmp_path}/model", f"text:{tmp_path}/own.txt", protocol={"window": None}, device="cpu")
    results = {result.metric: result for result in record.results}
    for unit in ("character", "byte", "word"):
        result = results[f"bits-per-{unit}" if unit != "word" else "word-perplexity"]
        assert result.value is None and "of the characters, so nothing is said per" in result.interval
    assert results["perplexity"].value
    assert re.search(r"the model's tokens lose [\d.]+ % of the characters", results["perplexity"].note)
