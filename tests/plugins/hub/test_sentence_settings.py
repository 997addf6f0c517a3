"""Settings of a sentence encoder's files that change its vectors: applied as sentence-transformers does, or refused by name."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.plugins.registry import registry
from zoo_hub.sentence import SentenceEncoder

pytestmark = pytest.mark.slow  # a minute or two in all

TEXTS = ["a cat sat", "dogs", "The Cat sat on the mat", "dogs bark at night and the cat slept all day long on the mat", "all"]
SETTINGS = "config_sentence_transformers.json"
PROMPTS = {"query": "the dogs ", "passage": "all night ", "none": ""}


def written(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def folder(sentences: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder, to be changed: transformer, mean pooling, scaled to length 1; a window of 16."""
    copy = Path(shutil.copytree(sentences, tmp_path / "encoder"))
    written(copy / "sentence_bert_config.json", {"max_seq_length": 16})
    written(copy / "1_Pooling/config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    modules(copy, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return copy


def modules(folder: Path, *kinds: tuple[str, str]) -> None:
    """Make an encoder of these modules, as (kind, folder)."""
    written(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds)
    ])  # fmt: skip


def dense(folder: Path, **config: Any) -> None:
    """A module of 16 to 6 numbers, of random weights, at 2_Dense."""
    written(folder / "2_Dense/config.json", {"in_features": 16, "out_features": 6, "bias": True, **config})
    drawn = torch.Generator().manual_seed(0)
    state = {"linear.weight": torch.randn(6, 16, generator=drawn), "linear.bias": torch.randn(6, generator=drawn)}
    if config.get("use_residual"):
        state["residual.weight"] = torch.randn(6, 16, generator=drawn)
    save_file(state, folder / "2_Dense/model.safetensors")


def ours(folder: Path, **options: Any) -> torch.Tensor:
    encoder = SentenceEncoder(str(folder), **options)
    encoder.load_state_dict(zoo.load(f"hf/{folder}", task="embed").state_dict())
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):  # of texts longer than the window
        vectors: torch.Tensor = encoder.eval()(TEXTS)
    return vectors


def theirs(folder: Path, **how: Any) -> torch.Tensor:
    """By sentence-transformers, one text at a time."""
    library = pytest.importorskip("sentence_transformers")
    encoder = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return torch.stack([torch.as_tensor(encoder.encode([text], **how)[0]) for text in TEXTS])


def assert_as_theirs(folder: Path, plain: torch.Tensor | None = None) -> None:
    """Vectors are the library's, and not those of an encoder without the setting."""
    found = ours(folder)
    assert torch.allclose(found, theirs(folder), atol=1e-5)
    assert plain is None or found.shape != plain.shape or (found - plain).abs().max() > 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"prompts": PROMPTS, "default_prompt_name": "query"},
        {"truncate_dim": 5},
        {"prompts": PROMPTS, "default_prompt_name": "passage", "truncate_dim": 7, "similarity_fn_name": "cosine"},
    ],
)
def test_settings_of_the_encoder(folder: Path, settings: dict[str, Any]) -> None:
    plain = ours(folder)
    written(folder / SETTINGS, settings)
    assert_as_theirs(folder, plain)


def test_prompts_that_are_no_default_wait_to_be_asked_for(folder: Path) -> None:
    plain = ours(folder)
    written(folder / SETTINGS, {"prompts": PROMPTS, "default_prompt_name": None})
    assert torch.equal(ours(folder), plain)
    assert torch.allclose(ours(folder, prompt="query"), theirs(folder, prompt_name="query"), atol=1e-5)
    with pytest.raises(OptionError, match="no prompt 'document'") as caught:
        SentenceEncoder(str(folder), prompt="document")
    assert "none, passage, query" in caught.value.hint


@pytest.mark.parametrize(("window", "of_tokenizer"), [(5, 7), (16, 7), (None, 7)])
def test_the_declared_window_stands_for_that_of_the_tokenizer(folder: Path, window: int | None, of_tokenizer: int) -> None:
    said = json.loads((folder / "tokenizer_config.json").read_text())
    written(folder / "tokenizer_config.json", {**said, "model_max_length": of_tokenizer})
    written(folder / "sentence_bert_config.json", {"max_seq_length": window})
    assert_as_theirs(folder)
    assert zoo.load(f"hf/{folder}", task="embed").reader.window == (window or of_tokenizer)


def test_a_window_of_another_age_of_the_library(folder: Path) -> None:
    (folder / "sentence_bert_config.json").unlink()
    written(folder / "sentence_roberta_config.json", {"max_seq_length": 4})
    assert_as_theirs(folder)


def test_lower_case(folder: Path) -> None:
    from transformers import BertTokenizerFast

    cased = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=False, model_max_length=32)
    cased.save_pretrained(folder)
    plain = ours(folder)
    written(folder / "sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": True})
    assert_as_theirs(folder, plain)


@pytest.mark.parametrize(
    "pooling",
    [
        *(
            {"pooling_mode": mode}
            for mode in ("cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ["mean", "max"])
        ),
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True, "pooling_mode_max_tokens": True},
        {"pooling_mode_mean_tokens": False, "pooling_mode_weightedmean_tokens": True},
    ],
)
def test_ways_of_pooling(folder: Path, pooling: dict[str, Any]) -> None:
    modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"))
    plain = ours(folder)
    written(folder / "1_Pooling/config.json", {"word_embedding_dimension": 16, **pooling})
    assert_as_theirs(folder, plain)


@pytest.mark.parametrize("mode", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_a_prompt_that_is_not_pooled(folder: Path, mode: str) -> None:
    written(folder / SETTINGS, {"prompts": PROMPTS, "default_prompt_name": "query"})
    written(folder / "1_Pooling/config.json", {"embedding_dimension": 16, "pooling_mode": mode})
    pooled = ours(folder)
    written(folder / "1_Pooling/config.json", {"embedding_dimension": 16, "pooling_mode": mode, "include_prompt": False})
    assert_as_theirs(folder, None if mode in ("lasttoken", "max") else pooled)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"activation_function": "torch.nn.modules.linear.Identity"},
        {"activation_function": "torch.nn.modules.activation.GELU", "use_residual": True},
    ],
)
def test_dense(folder: Path, config: dict[str, Any]) -> None:
    modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"), ("Normalize", "3_Normalize"))
    dense(folder, **config)
    assert_as_theirs(folder)


def test_layer_norm_and_dropout(folder: Path) -> None:
    kinds = ("Transformer", ""), ("Pooling", "1_Pooling"), ("LayerNorm", "2_LayerNorm"), ("Dropout", "3_Dropout")
    modules(folder, *kinds)
    written(folder / "2_LayerNorm/config.json", {"dimension": 16})
    written(folder / "3_Dropout/config.json", {"dropout": 0.5})
    scale = torch.linspace(0.5, 2, 16)
    save_file({"norm.weight": scale, "norm.bias": scale.flip(0).contiguous()}, folder / "2_LayerNorm/model.safetensors")
    assert_as_theirs(folder)


def test_the_transformer_in_a_folder_of_its_own(folder: Path) -> None:
    plain = ours(folder)
    home = folder / "0_Transformer"
    home.mkdir()
    for file in list(folder.iterdir()):
        if file.is_file() and file.name != "modules.json":
            file.rename(home / file.name)
    modules(folder, ("Transformer", "0_Transformer"), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    assert torch.equal(ours(folder), plain)
    assert_as_theirs(folder)
    before = registry().model(f"hf/{folder}").config["files"]
    written(home / "sentence_bert_config.json", {"max_seq_length": 6})
    assert registry().model(f"hf/{folder}").config["files"] != before
    modules(folder, ("Transformer", "0_Transformer"), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"))
    dense(folder)
    assert_as_theirs(folder)


def test_t5_gives_its_encoder_alone(folder: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    torch.manual_seed(0)
    T5EncoderModel(config).save_pretrained(folder)
    assert_as_theirs(folder)


def test_a_run_holds_the_settings_in_its_key(folder: Path) -> None:
    first = zoo.evaluate(f"hf/{folder}", "sms-spam", limit=16, metrics=["recall-at-k:k=1"], device="cpu")
    written(folder / SETTINGS, {"prompts": PROMPTS, "default_prompt_name": "query"})
    second = zoo.evaluate(f"hf/{folder}", "sms-spam", limit=16, metrics=["recall-at-k:k=1"], device="cpu")
    assert first.key != second.key


@pytest.mark.parametrize(
    ("file", "content", "key"),
    [
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "transformer_task = fill-mask"),
        ("sentence_bert_config.json", {"processing_kwargs": {"text": {"max_length": 3}}}, "processing_kwargs"),
        ("sentence_bert_config.json", {"tokenizer_args": {"model_max_length": 3}}, "tokenizer_args: model_max_length = 3"),
        ("sentence_bert_config.json", {"config_kwargs": {"hidden_act": "relu"}}, "config_kwargs: hidden_act = relu"),
        ("sentence_bert_config.json", {"query_expansion": {"length": 8}}, "query_expansion"),
        ("sentence_bert_config.json", {"modality_config": {"message": {}, "text": {}}}, "modality_config"),
        ("sentence_bert_config.json", {"made_up": 1}, "made_up = 1"),
        (SETTINGS, {"model_type": "SparseEncoder"}, "model_type = SparseEncoder"),
        (SETTINGS, {"default_prompt_name": "absent", "prompts": {}}, "default_prompt_name = absent"),
        (SETTINGS, {"similarity_fn_name": "manhattan"}, "similarity_fn_name = manhattan"),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "pools by median"),
        ("1_Pooling/config.json", {"pooling_mode_median_tokens": True}, "pools by pooling_mode_median_tokens"),
    ],
)
def test_what_cannot_be_applied_is_refused_by_its_name(folder: Path, file: str, content: dict[str, Any], key: str) -> None:
    written(folder / file, content)
    with pytest.raises(ModelError, match=key):
        zoo.load(f"hf/{folder}", task="embed")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("sentence_transformers.models.WeightedLayerPooling", "is made of Transformer, Pooling, WeightedLayerPooling"),
        ("custom_st.Normalize", r"code of its own in modules.json \(custom_st.Normalize\), which is never run"),
    ],
)
def test_modules_that_are_not_known_are_refused(folder: Path, kind: str, said: str) -> None:
    listed = json.loads((folder / "modules.json").read_text())
    written(folder / "modules.json", [*listed[:2], {"idx": 2, "name": "2", "path": "2_More", "type": kind}])
    with pytest.raises(ModelError, match=said):
        registry().model(f"hf/{folder}")


def test_an_activation_of_anybodys_code_is_refused(folder: Path) -> None:
    modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"))
    dense(folder, activation_function="evil.Tanh")
    with pytest.raises(ModelError, match=r"activation_function = evil\.Tanh"):
        zoo.load(f"hf/{folder}", task="embed")


def test_pickled_weights_of_a_module_are_never_read(folder: Path) -> None:
    modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"))
    dense(folder)
    (folder / "2_Dense/model.safetensors").rename(folder / "2_Dense/pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"2_Dense has no model\.safetensors, only pytorch_model\.bin: pickles"):
        registry().model(f"hf/{folder}")


@pytest.mark.parametrize("measure", ["dot", "euclidean"])
def test_a_measure_that_ranks_as_the_cosine_does_is_taken_and_another_asks(folder: Path, measure: str) -> None:
    written(folder / SETTINGS, {"similarity_fn_name": measure})
    ours(folder)  # of length 1
    modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"))
    with pytest.raises(ModelError, match=f"similarity_fn_name = {measure}") as caught:
        SentenceEncoder(str(folder))
    assert "similarity=cosine" in caught.value.hint
    assert SentenceEncoder(str(folder), similarity="cosine")
