"""A span as tokens of a model: which of them are its text's, and what of the text they do not give back.

Context and text are encoded together, since many tokenizers put a mark before whatever they are given, or join characters
over the border. A token belongs to the text if it ends in it, by its place in the characters. So every token is scored for
exactly one span of a text; of one that reaches over a border the whole likelihood counts where it ends, though the span before
has paid for its first characters already: the sum over the spans is never too good.
"""

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from zoo.data import Span
from zoo.errors import ModelError
from zoo_hub.texts import tokenizer


class SpanTokens(NamedTuple):
    """Numbers of the tokens of context and text, in order."""

    tokens: list[int]
    scored: int
    """How many of them, the last, are the text's."""
    lost: int
    """Characters of the text that the tokens do not give back when they are decoded: case, spaces, unknown signs."""


def span_tokens(folder: Path, files: str, spans: Sequence[Span]) -> list[SpanTokens]:
    """The tokens of each span, without any that mark a beginning or an end."""
    known, plain = tokenizer(str(folder), files), _plain(str(folder), files)
    if plain is None:
        return [_without_offsets(known, folder, span) for span in spans]
    encodings = plain.encode_batch([span.context + span.text for span in spans], add_special_tokens=False)
    return [_by_offsets(known, span, found.ids, found.offsets) for span, found in zip(spans, encodings, strict=True)]


def _by_offsets(known: Any, span: Span, tokens: list[int], offsets: list[tuple[int, int]]) -> SpanTokens:
    border = len(span.context)
    first = next((place for place, (_, end) in enumerate(offsets) if end > border), len(tokens)) if border else 0
    begun = min([border, *(start for start, _ in offsets[first : first + 1])])
    return SpanTokens(tokens, len(tokens) - first, _lost(known, span, tokens, first, begun))


def _without_offsets(known: Any, folder: Path, span: Span) -> SpanTokens:
    """By a tokenizer that does not say where its tokens stand: the context's must be the first of both."""
    tokens, context = (
        list(known(part, add_special_tokens=False, verbose=False)["input_ids"]) if part else []
        for part in (span.context + span.text, span.context)
    )
    if tokens[: len(context)] != context:
        raise ModelError(
            f"the tokenizer in {folder} joins a span with its context, and does not say where its tokens stand",
            "save it as a fast tokenizer of transformers (tokenizer.json)",
        )
    return SpanTokens(tokens, len(tokens) - len(context), _lost(known, span, tokens, len(context), len(span.context)))


def _lost(known: Any, span: Span, tokens: list[int], first: int, begun: int) -> int:
    """Characters from `begun` on that the tokens from `first` on do not give back, at least 1 where they differ at all.

    They are counted whatever their order: capitals that come back small, spaces that come back single or not at all, all of
    an unknown word.
    """
    whole = span.context + span.text
    if (decoded := _decoded(known, tokens)) == whole:
        return 0
    before = _decoded(known, tokens[:first])
    if not decoded.startswith(before):  # a character of several tokens that stand in both
        before, begun = "", 0
    if decoded[len(before) :] == whole[begun:]:
        return 0
    told = _decoded(known, [token for token in tokens if token != known.unk_token_id])
    told_before = _decoded(known, [token for token in tokens[:first] if token != known.unk_token_id]) if before else ""
    found, own = Counter(told[len(told_before) :]), Counter(whole[begun:])
    return min(len(span.text), max((own - found).total(), (found - own).total(), 1))


def _decoded(known: Any, tokens: Sequence[int]) -> str:
    return str(known.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False))


@lru_cache(maxsize=4)
def _plain(folder: str, files: str) -> Any:
    """A copy of the fast tokenizer that neither cuts nor pads, whose offsets hold a token's spaces; None where it is slow."""
    backend = getattr(tokenizer(folder, files), "backend_tokenizer", None)
    if backend is None:
        return None
    found: Any = deepcopy(backend)
    found.no_truncation()
    found.no_padding()
    found.post_processor = None
    return found
