"""Datasets of generation: texts in spans that are the text, and real images beside every id that is drawn for."""

import pytest

import zoo
from zoo.data.spans import count_words
from zoo.errors import DataError


@pytest.mark.parametrize(
    ("name", "split", "characters"),
    [("tiny-shakespeare", "train", 1_003_854), ("tiny-shakespeare", "test", 111_540), ("wikitext2", "test", None)],
)
def test_the_spans_of_a_split_are_its_text(real_data, name, split, characters):
    spans = zoo.dataset(f"data/{name}", split)
    text = "".join(spans[index].input.text for index in range(len(spans)))
    folder = real_data / name.replace("-", "_")
    whole = (folder / ("input.txt" if name == "tiny-shakespeare" else f"{split}.txt")).read_bytes().decode()
    assert text in whole and len(text) == (characters or len(whole))
    assert len(spans) == zoo.registry().dataset(name).splits[split]
    context = spans[100].input.context
    before = sum(len(spans[index].input.text) for index in range(100))
    assert context == text[before - len(context) : before] and len(context) > 500


def test_the_two_splits_of_shakespeare_do_not_meet(real_data):
    train, test = (zoo.dataset("data/tiny-shakespeare", split) for split in ("train", "test"))
    assert train[len(train) - 1].input.text.endswith("But who comes here") and test[0].input.text.startswith("?")
    assert test[0].input.context == ""
    assert train.fingerprint != test.fingerprint and not set(train.ids) & set(test.ids)


def test_passages_are_continuous(real_data):
    spans = zoo.dataset("data/tiny-shakespeare", "train")
    for index in (1, 500, 16_000):
        assert spans[index].input.context.endswith(spans[index - 1].input.text)
    assert spans.groups == sorted(spans.groups) and len(set(spans.groups)) == 128


def test_wikitext_has_the_words_of_its_authors_without_the_ends_of_lines(real_data):
    """245,569 tokens of test, as published, of which 4,358 are the ends of lines."""
    spans = zoo.dataset("data/wikitext2", "test")
    texts = [spans[index].input for index in range(len(spans))]
    assert sum(map(count_words, texts)) + sum(span.text.count("\n") for span in texts) == 245_569


def test_the_opening_of_wikitext_is_foreseen_from_all_before(real_data):
    spans = zoo.dataset("data/wikitext2-opening", "test")
    whole = (real_data / "wikitext2" / "test.txt").read_text(encoding="utf-8")[:8192]
    read = ""
    for index in range(len(spans)):
        assert spans[index].input.context == read and len(spans[index].input.text) <= 512
        read += spans[index].input.text
    assert read == whole and len(spans) == zoo.registry().dataset("wikitext2-opening").splits["test"]
    assert zoo.registry().benchmark("wikitext2-opening").protocol["window"] >= len(whole)


def test_every_drawn_digit_has_two_real_ones_beside_it(real_data):
    import torch

    drawn, test, train = zoo.dataset("data/mnist-samples", "test"), zoo.dataset("mnist", "test"), zoo.dataset("mnist", "train")
    assert len(drawn) == 1000 and drawn[7].input is None
    assert torch.equal(drawn[7].target.image, test[7].input) and torch.equal(drawn[7].target.another, train[7].input)
    training = zoo.dataset("data/mnist-samples", "train")
    assert torch.equal(training[7].target.another, train[30_007].input) and len(training) == 30_000


def test_a_text_that_is_no_utf8_is_an_error(monkeypatch):
    from zoo_data import spans

    class Files:
        spec = zoo.registry().dataset("tiny-shakespeare")

        def read(self, name):
            return b"caf\xe9"

    with pytest.raises(DataError, match=r"line 1 of input\.txt of data/tiny-shakespeare is not UTF-8"):
        spans.open_tiny_shakespeare(Files(), "test")


def test_a_text_of_ones_own_is_a_dataset(tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"To be, or not to be.\n" * 50)
    name = f"text:{tmp_path / 'mine.txt'}"
    spans = zoo.dataset(name, "test")
    assert "".join(spans[i].input.text for i in range(len(spans))) == "To be, or not to be.\n" * 50
    found = zoo.evaluate("generative/char-gpt", name, protocol={"window": 128}).primary
    assert found.metric == "bits-per-character" and found.n == len(spans) and 0 < found.value < 6


def test_a_byte_order_mark_is_not_scored(tmp_path):
    for name, start in (("plain", b""), ("marked", b"\xef\xbb\xbf")):
        (tmp_path / name).write_bytes(start + b"To be, or not to be.\n")
    plain, marked = (zoo.dataset(f"text:{tmp_path / name}") for name in ("plain", "marked"))
    assert plain[0] == marked[0] and plain.fingerprint == marked.fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), (b"", "is empty"), (b"\xff", "is not UTF-8"), ("wide".encode("utf-16"), "is UTF-16, not UTF-8")],
)
def test_a_text_that_is_none_says_so(tmp_path, content, message):
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        zoo.dataset(f"text:{tmp_path / 'mine.txt'}", "test")
