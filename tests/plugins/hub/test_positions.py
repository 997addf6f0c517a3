"""The window of a model is what its own tables of positions hold: a long text is cut there, and not before."""

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo_hub.texts import positions

MOST = 20
"""Rows of the table of positions; of some families two stand for padding, or are passed over."""
SIZE: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": MOST,
}  # fmt: skip
PADDED = {**SIZE, "pad_token_id": 1}
FAMILIES: dict[str, tuple[dict[str, Any], int]] = {
    "Bert": (SIZE, MOST),
    "DistilBert": ({**SIZE, "hidden_dim": 32}, MOST),
    "Roberta": (PADDED, MOST - 2),
    "RobertaPreLayerNorm": (PADDED, MOST - 2),
    "Camembert": (PADDED, MOST - 2),
    "XLMRoberta": (PADDED, MOST - 2),
    "XLMRobertaXL": (PADDED, MOST - 2),
    "Data2VecText": (PADDED, MOST - 2),
    "Xmod": ({**PADDED, "languages": ["en_XX"], "default_language": "en_XX"}, MOST - 2),
    "MPNet": (PADDED, MOST - 2),
    "IBert": (PADDED, MOST - 2),
    "Nystromformer": ({**SIZE, "num_landmarks": 4, "segment_means_seq_len": 4}, MOST),
    "GPT2": ({"vocab_size": 64, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": MOST}, MOST),
    "OPT": ({**SIZE, "ffn_dim": 32, "word_embed_proj_dim": 16, "pad_token_id": 1}, MOST),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_as_many_tokens_as_there_are_positions_and_no_more(family: str) -> None:
    import transformers

    config, most = FAMILIES[family]
    torch.manual_seed(0)
    network = getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**config)).eval()
    assert positions(network) == most
    with torch.inference_mode():
        network(input_ids=torch.full((1, most), 5))
        if family != "Nystromformer":  # whose table has rows that no configuration speaks of
            with pytest.raises((IndexError, RuntimeError)):
                network(input_ids=torch.full((1, most + 1), 5))


@pytest.mark.parametrize("family", ["XLMRobertaXL", "Camembert"])
def test_a_long_text_is_cut_where_positions_end(family: str, sentences: Path, tmp_path: Path) -> None:
    import shutil

    import transformers

    folder = Path(shutil.copytree(sentences, tmp_path / "encoder"))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 512}')
    network = getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**FAMILIES[family][0]))
    network.save_pretrained(folder)
    encoder = zoo.load(f"hf/{folder}", task="embed")
    long = "the cat sat on the mat " * 20
    with torch.inference_mode(), pytest.warns(UserWarning, match=f"window of {MOST - 2} tokens"):
        cut = encoder([long])
        assert torch.allclose(cut, encoder([" ".join(long.split()[: MOST - 4])]), atol=1e-6)  # besides [CLS] and [SEP]


def test_a_window_without_an_end_cuts_nothing(sentences: Path, tmp_path: Path) -> None:
    import shutil

    from transformers import T5Config, T5EncoderModel

    folder = Path(shutil.copytree(sentences, tmp_path / "t5"))
    (folder / "sentence_bert_config.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    T5EncoderModel(T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)).save_pretrained(folder)
    with torch.inference_mode():
        assert zoo.load(f"hf/{folder}", task="embed")(["the cat sat " * 300]).shape == (1, 16)
