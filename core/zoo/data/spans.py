"""Spans of a text: what a language model is scored on, cut without regard to any tokenizer."""

from collections.abc import Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a text, whose every token is scored, and the text to its left, which the model has read.

    An empty `context` says that the text begins here. Together they are a piece of the original text, character by character.
    """

    text: str
    context: str


def cut_spans(text: str, stride: int, most_context: int) -> Iterator[Span]:
    """The whole text in spans of at most `stride` characters, each with at most `most_context` characters to its left.

    A span ends before the last white space in reach, where there is one, so that words stay whole and a word keeps the space
    before it, as the tokenizers of today want it; a piece without white space is cut at `stride`.
    """
    start = 0
    while start < len(text):
        end = start + stride
        if end < len(text):
            spaces = (place for place in range(end, start, -1) if text[place].isspace())
            end = next(spaces, end)
        yield Span(text[start:end], text[max(0, start - most_context) : start])
        start = end


def count_words(span: Span) -> int:
    """Words, separated by white space, that begin in the span's text: over all spans of a text, its words."""
    begun = bool(span.context) and not span.context[-1].isspace()
    return len(span.text.split()) - (begun and bool(span.text) and not span.text[0].isspace())
