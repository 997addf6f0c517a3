"""Words, pieces and buckets: stable, bounded, and defined for every string there is."""

from hypothesis import given
from hypothesis import strategies as st

from zoo_sequence.text import LONGEST_WORD, bucket, pieces, words

any_text = st.text(st.characters(codec=None), max_size=200)  # lone surrogates too


@given(any_text, st.integers(1, 20))
def test_words_are_few_and_short(text: str, most: int) -> None:
    found = words(text, most)
    assert len(found) <= most
    assert all(0 < len(word) <= LONGEST_WORD for word in found)


@given(any_text)
def test_every_piece_of_every_text_has_a_bucket(text: str) -> None:
    for word in words(text, 100):
        assert pieces(word)
        assert all(0 <= bucket(piece, 97) < 97 for piece in pieces(word))


def test_empty_and_blank_texts_have_no_words() -> None:
    assert words("", 5) == words(" \n\t", 5) == []


def test_digits_are_alike_and_marks_are_words() -> None:
    assert words("Call 0906 now!! 😀", 10) == ["Call", "0000", "now", "!", "!", "😀"]


def test_a_long_text_is_cut_after_the_stated_number_of_words() -> None:
    assert words("a " * 5000, 128) == ["a"] * 128
    assert words("x" * 10_000, 128) == ["x" * LONGEST_WORD]


def test_pieces_are_the_word_its_ngrams_and_its_capitals() -> None:
    assert pieces("Win") == ("<win>", "<wi", "<win", "in>", "win", "win>")
    assert pieces("WIN") == (*pieces("Win"), "^")
    assert pieces("!") == ("<!>",)


def test_buckets_are_those_of_crc32_on_every_machine() -> None:
    assert bucket("<free>", 16384) == 1805  # CRC-32 of the bytes is 2194212621
