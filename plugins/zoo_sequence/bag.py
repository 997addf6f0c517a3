"""A bag of hashed n-grams: the mean of their vectors, and a linear layer. The baseline that knows no order."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from zoo_sequence.text import bucket, pieces, words


class NgramBag(nn.Module):
    """Vectors of the words, their character n-grams and the word pairs of a text, summed over √count, then a linear layer.

    Source: Joulin et al. 2017, Bag of tricks for efficient text classification, arXiv:1607.01759. There the sum is divided by
    the count; by its root, it is the embedding of the text's binary n-gram vector of unit length, which a longer text
    does not dilute. A text is cut after `most_words` words; an empty one has a zero vector, so its logits are the biases.
    """

    def __init__(self, classes: int = 2, buckets: int = 16384, dim: int = 16, most_words: int = 512) -> None:
        super().__init__()
        self.buckets, self.most_words = buckets, most_words
        self.embedding = nn.EmbeddingBag(buckets, dim, mode="sum")
        self.output = nn.Linear(dim, classes)
        nn.init.normal_(self.embedding.weight, std=0.05)  # an n-gram that was never trained should say little

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Logits [b, classes] of b texts."""
        bags = [self.numbers(text) for text in texts]
        flat, offsets = flatten(bags, self.embedding.weight.device)
        sums: Tensor = self.embedding(flat, offsets)
        counts = torch.tensor([[max(1, len(bag))] for bag in bags], dtype=sums.dtype, device=sums.device)
        logits: Tensor = self.output(sums / counts.sqrt())
        return logits

    def numbers(self, text: str) -> list[int]:
        """Bucket of every different n-gram of a text."""
        found = words(text, self.most_words)
        pairs = [f"{first} {second}".lower() for first, second in pairwise(found)]
        ngrams = dict.fromkeys([piece for word in found for piece in pieces(word)] + pairs)
        return [bucket(ngram, self.buckets) for ngram in ngrams]


def flatten(bags: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Bags of numbers as EmbeddingBag wants them: all numbers in one row, int64, and where each bag begins."""
    flat = torch.tensor([number for bag in bags for number in bag], dtype=torch.int64)
    sizes = torch.tensor([0, *(len(bag) for bag in bags[:-1])], dtype=torch.int64)
    return flat.to(device), sizes.cumsum(0).to(device)
