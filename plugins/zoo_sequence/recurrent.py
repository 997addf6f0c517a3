"""Classifiers that read a text word by word, in both directions: a plain recurrent network, LSTM and GRU."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from zoo_sequence.word_vectors import word_vectors

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
"""PyTorch's, which are `zoo_sequence.cells` in fast: a test loads the weights of the one into the other."""


class RecurrentClassifier(nn.Module):
    """Word vectors from hashed pieces, a bidirectional recurrent layer, the maximum over time, and a linear layer.

    Sources: Elman 1990 (RNN); Hochreiter & Schmidhuber 1997 (LSTM); Cho et al. 2014, arXiv:1406.1078 (GRU); maximum over time:
    Collobert et al. 2011. A text is cut after `most_words` words; an empty one is read as one word without pieces, a zero vector.
    Sequences are packed, so the padding of a batch is never read.
    """

    def __init__(
        self,
        cell: Literal["rnn", "gru", "lstm"],
        classes: int = 2,
        buckets: int = 8192,
        dim: int = 32,
        hidden: int = 32,
        dropout: float = 0.3,
        most_words: int = 128,
    ) -> None:
        super().__init__()
        self.most_words = most_words
        self.embedding = nn.EmbeddingBag(buckets, dim, mode="mean")
        self.dropout = nn.Dropout(dropout)
        self.cell = CELLS[cell](dim, hidden, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * hidden, classes)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Logits [b, classes] of b texts."""
        vectors, lengths = word_vectors(self.embedding, texts, self.most_words)
        vectors = self.dropout(vectors)
        padded = nn.utils.rnn.pad_sequence(list(torch.split(vectors, lengths)), batch_first=True)
        packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.cell(packed)[0], batch_first=True, padding_value=-torch.inf)
        logits: Tensor = self.output(self.dropout(states.amax(1)))
        return logits
