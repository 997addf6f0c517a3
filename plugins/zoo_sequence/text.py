"""Text as numbers, without a vocabulary: words, the pieces that they are made of, and the hash that numbers them.

Sources: pieces, Bojanowski et al. 2017, Enriching word vectors with subword information, arXiv:1607.04606; hashing,
Weinberger et al. 2009, Feature hashing for large scale multitask learning, arXiv:0902.2206.
"""

import re
from functools import lru_cache
from zlib import crc32

_WORD = re.compile(r"\w+|[^\w\s]")
_DIGIT = re.compile(r"\d")
PIECE_SIZES = (3, 4, 5)
LONGEST_WORD = 32


def words(text: str, most: int) -> list[str]:
    """The first `most` words of a text, in order; a punctuation mark or an emoji is a word. Empty for an empty text.

    Every digit is read as 0, so that two telephone numbers are one word; a word is cut after LONGEST_WORD characters.
    """
    found: list[str] = []
    for match in _WORD.finditer(text):
        if len(found) == most:
            break
        found.append(_DIGIT.sub("0", match.group()[:LONGEST_WORD]))
    return found


@lru_cache(maxsize=1 << 16)
def pieces(word: str) -> tuple[str, ...]:
    """What a word's vector is made of: the word in lower case, its character n-grams, and that it was written in capitals."""
    bounded = f"<{word.lower()}>"
    grams = {bounded[start : start + size] for size in PIECE_SIZES for start in range(len(bounded) - size + 1)}
    capitals = ("^",) if len(word) > 1 and word.isupper() else ()
    return (bounded, *sorted(grams - {bounded}), *capitals)


@lru_cache(maxsize=1 << 18)
def bucket(piece: str, buckets: int) -> int:
    """The number of a piece, in [0, buckets): its CRC-32, which is the same on every machine, modulo `buckets`."""
    return crc32(piece.encode("utf-8", "surrogatepass")) % buckets
