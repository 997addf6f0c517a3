"""Language models of characters that read a text step by step: a plain recurrent network, a GRU or an LSTM.

Sources: Mikolov et al. 2010, Recurrent neural network based language model; Karpathy 2015, The unreasonable effectiveness of
recurrent neural networks.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.data import SHAKESPEARE, Span, character_codes
from zoo.tasks import SpanLikelihood
from zoo_sequence.recurrent import CELLS


class CharRNN(nn.Module):
    """Foresees each character from a state that has read all before it; a token of its own begins every text."""

    def __init__(
        self,
        cell: Literal["rnn", "gru", "lstm"],
        hidden: int,
        layers: int = 2,
        width: int = 64,
        dropout: float = 0.0,
        alphabet: str = SHAKESPEARE,
    ) -> None:
        super().__init__()
        self.alphabet, self.begin = alphabet, len(alphabet)
        self.tokens = nn.Embedding(len(alphabet) + 1, width)
        self.cell = CELLS[cell](width, hidden, layers, batch_first=True, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, len(alphabet))

    def logits(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Of the character that follows each of tokens int64 [b, t]: [b, t, alphabet]; and the state that has read them all.

        `state` is what an earlier call gave back, or None where a text begins, of which the first token is that of beginning.
        """
        states, end = self.cell(self.tokens(tokens), state)
        return self.output(self.dropout(states)), end

    def span_likelihood(self, spans: Sequence[Span]) -> SpanLikelihood:
        """Each character of a span's text, given its context and the text before it, however long they are."""
        encoded = [torch.tensor([self.begin, *self.encode(span.context + span.text)]) for span in spans]
        # What pads a row stands behind its end, where no state that counts has read it.
        tokens = nn.utils.rnn.pad_sequence(encoded, batch_first=True).to(self.tokens.weight.device)
        logits, _ = self.logits(tokens[:, :-1])
        each = logits.float().log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1).double().cpu()
        rows = zip(each, encoded, spans, strict=True)
        likelihood = torch.stack([row[len(span.context) : len(codes) - 1].sum() for row, codes, span in rows])
        return SpanLikelihood(likelihood, [len(span.text) for span in spans])

    def forward(self, conditions: Sequence[str | None], seeds: Sequence[int], length: int = 200) -> list[str]:
        """`length` characters that follow each prompt, drawn one by one; None begins a text."""
        return ["".join(self.write(prompt or "", seed, length)) for prompt, seed in zip(conditions, seeds, strict=True)]

    def write(self, prompt: str, seed: int, length: int) -> Iterator[str]:
        """The same of one prompt, character by character as they are drawn."""
        generator = torch.Generator().manual_seed(seed)
        read, state = [self.begin, *self.encode(prompt)], None
        for _ in range(length):
            logits, state = self.logits(torch.tensor([read], device=self.tokens.weight.device), state)
            read = [int(torch.multinomial(logits[0, -1].float().softmax(-1).cpu(), 1, generator=generator))]
            yield self.alphabet[read[0]]

    def encode(self, text: str) -> list[int]:
        """The number of each character. Raises ModelError where the alphabet lacks one."""
        return character_codes(text, self.alphabet)
