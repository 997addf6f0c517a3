"""Classifiers that read a text word by word, in both directions: LSTM and GRU."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from zoo_sequence.bag import flatten
from zoo_sequence.text import bucket, pieces, words

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentClassifier(nn.Module):
    """Word vectors from hashed pieces, a bidirectional recurrent layer, the maximum over time, and a linear layer.

    Sources: Hochreiter & Schmidhuber 1997 (LSTM); Cho et al. 2014, arXiv:1406.1078 (GRU); maximum over time: Collobert et al.
    2011. A text is cut after `most_words` words; an empty one is read as one word without pieces, a zero vector.
    Sequences are packed, so the padding of a batch is never read.
    """

    def __init__(
        self,
        cell: Literal["gru", "lstm"],
        classes: int = 2,
        buckets: int = 8192,
        dim: int = 32,
        hidden: int = 32,
        dropout: float = 0.3,
        most_words: int = 128,
    ) -> None:
        super().__init__()
        self.buckets, self.most_words = buckets, most_words
        self.embedding = nn.EmbeddingBag(buckets, dim, mode="mean")
        self.dropout = nn.Dropout(dropout)
        self.cell = CELLS[cell](dim, hidden, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * hidden, classes)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Logits [b, classes] of b texts."""
        sentences = [words(text, self.most_words) or [""] for text in texts]
        lengths = [len(sentence) for sentence in sentences]
        bags = [self.numbers(word) for sentence in sentences for word in sentence]
        vectors = self.dropout(self.embedding(*flatten(bags, self.embedding.weight.device)))
        padded = nn.utils.rnn.pad_sequence(vectors.split(lengths), batch_first=True)
        packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.cell(packed)[0], batch_first=True, padding_value=-torch.inf)
        logits: Tensor = self.output(self.dropout(states.amax(1)))
        return logits

    def numbers(self, word: str) -> list[int]:
        return [bucket(piece, self.buckets) for piece in pieces(word)] if word else []
