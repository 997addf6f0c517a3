"""Texts as words, and words as the means of the vectors of their hashed pieces: what networks that read words begin with."""

from collections.abc import Sequence

from torch import Tensor, nn

from zoo_sequence.bag import flatten
from zoo_sequence.text import bucket, pieces, words


def word_vectors(embedding: nn.EmbeddingBag, texts: Sequence[str], most_words: int) -> tuple[Tensor, list[int]]:
    """Vectors [words, dim] of all words of all texts, one after the other, and how many of them each text has.

    A text is cut after `most_words` words; an empty one is one word without pieces, a zero vector.
    """
    sentences = [words(text, most_words) or [""] for text in texts]
    bags = [numbers(word, embedding.num_embeddings) for sentence in sentences for word in sentence]
    vectors: Tensor = embedding(*flatten(bags, embedding.weight.device))
    return vectors, [len(sentence) for sentence in sentences]


def numbers(word: str, buckets: int) -> list[int]:
    """Bucket of every piece of a word; none of an empty one."""
    return [bucket(piece, buckets) for piece in pieces(word)] if word else []
