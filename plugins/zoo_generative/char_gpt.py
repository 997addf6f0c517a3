"""A language model of characters: a small GPT.

Source: Radford et al. 2019, Language models are unsupervised multitask learners (GPT-2): pre-norm blocks, GELU, learnt positions.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.data import SHAKESPEARE, Span, character_codes
from zoo.errors import ModelError
from zoo.tasks import SpanLikelihood, SpanTooLongError


class Block(nn.Module):
    """Causal self-attention and a perceptron, each on what a layer normalisation gives, each added to its input."""

    def __init__(self, width: int, heads: int, ratio: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.norm_attention, self.norm_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[b, t, width] to the same."""
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).view(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.mixed(seen.transpose(1, 2).reshape(b, t, width)))
        moved: Tensor = x + self.dropout(self.down(F.gelu(self.up(self.norm_perceptron(x)))))
        return moved


class CharGPT(nn.Module):
    """Foresees each character from those before it, at most `window` of them together; a token of its own begins every text."""

    def __init__(
        self,
        alphabet: str = SHAKESPEARE,
        window: int = 128,
        width: int = 112,
        layers: int = 4,
        heads: int = 4,
        ratio: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.alphabet, self.window, self.begin = alphabet, window, len(alphabet)
        self.tokens = nn.Embedding(len(alphabet) + 1, width)
        self.positions = nn.Embedding(window, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, ratio, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.apply(_initialise)

    def logits(self, tokens: Tensor) -> Tensor:
        """Of the character that follows each of tokens int64 [b, t], the first the token of beginning: [b, t, alphabet].

        Raises ModelError where t is more than the window.
        """
        if tokens.shape[1] > self.window:
            raise ModelError(
                f"{tokens.shape[1]} characters are more than the window of {self.window}",
                "give fewer, or build it with a larger window",
            )
        x = self.dropout(self.tokens(tokens) + self.positions.weight[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        # The matrix that embeds a character also recognises it (Press & Wolf 2017, arXiv:1608.05859).
        logits: Tensor = self.norm(x) @ self.tokens.weight[:-1].T
        return logits

    def span_likelihood(self, spans: Sequence[Span]) -> SpanLikelihood:
        """Each character of a span's text, given its context and the text before it. Raises as `LanguageModel` says."""
        encoded = [self.encode(context + text) for text, context in spans]
        for place, codes in enumerate(encoded):
            if len(codes) > self.window:
                raise SpanTooLongError(place, len(codes), self.window)
        found = F.log_softmax(self.logits(self._padded(encoded)).float(), dim=-1)
        likelihood = torch.zeros(len(spans), dtype=torch.float64)
        for place, (codes, span) in enumerate(zip(encoded, spans, strict=True)):
            own = torch.arange(len(span.context), len(codes))
            likelihood[place] = found[place, own, torch.tensor(codes)[own]].cpu().double().sum()
        return SpanLikelihood(likelihood, [len(text) for text, _ in spans])

    def forward(self, conditions: Sequence[str | None], seeds: Sequence[int], length: int = 200) -> list[str]:
        """`length` characters that follow each prompt, drawn one by one; None begins a text."""
        return ["".join(self.write(prompt or "", seed, length)) for prompt, seed in zip(conditions, seeds, strict=True)]

    def write(self, prompt: str, seed: int, length: int) -> Iterator[str]:
        """The same of one prompt, character by character as they are drawn."""
        generator = torch.Generator().manual_seed(seed)
        codes = self.encode(prompt)
        for _ in range(length):
            seen = torch.tensor([[self.begin, *codes[-(self.window - 1) :]]], device=self.tokens.weight.device)
            chance = self.logits(seen)[0, -1].float().softmax(-1).cpu()
            codes.append(int(torch.multinomial(chance, 1, generator=generator)))
            yield self.alphabet[codes[-1]]

    def encode(self, text: str) -> list[int]:
        """The number of each character. Raises ModelError where the alphabet lacks one."""
        return character_codes(text, self.alphabet)

    def _padded(self, encoded: Sequence[Sequence[int]]) -> Tensor:
        """Inputs: the token of beginning and all characters but the last; behind the end any token, which nothing sees."""
        rows = torch.full((len(encoded), max(map(len, encoded))), self.begin)
        for row, codes in zip(rows, encoded, strict=True):
            row[1 : len(codes)] = torch.tensor(codes[:-1], dtype=torch.int64)
        return rows.to(self.tokens.weight.device)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
