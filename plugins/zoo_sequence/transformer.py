"""A Transformer encoder that classifies texts. Its layers are called as in `nn.TransformerEncoder`, whose weights they load.

Source: Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762; normalisation before each part as in Xiong et al. 2020,
On layer normalization in the Transformer architecture, arXiv:2002.04745.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError
from zoo_sequence.word_vectors import word_vectors


class SelfAttention(nn.Module):
    """Every word asks all words of its text: softmax(Q Kᵀ / √d) V, by several heads. Parameters of `nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ModelError(f"a width of {width} does not divide by {heads} heads", "take a number of heads that divides it")
        self.heads = heads
        self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * width, width)))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """[b, t, width] to the same; no word asks where `padding`, bool [b, t], is true."""
        b, t, width = x.shape
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)
        attention = scores.masked_fill(padding[:, None, None], -torch.inf).softmax(dim=-1)
        found: Tensor = self.out_proj((attention @ v).transpose(1, 2).reshape(b, t, width))
        return found


class EncoderLayer(nn.Module):
    """Self-attention and a perceptron, each on what a layer normalisation gives, each added to its input."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """[b, t, width] to the same."""
        x = x + self.dropout(self.self_attn(self.norm1(x), padding))
        moved: Tensor = x + self.dropout(self.linear2(F.relu(self.linear1(self.norm2(x)))))
        return moved


class Encoder(nn.Module):
    """Layers, one after the other."""

    def __init__(self, width: int, heads: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, hidden, dropout) for _ in range(layers))

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """[b, t, width] to the same; `padding` bool [b, t] is true where there is no word."""
        for layer in self.layers:
            x = layer(x, padding)
        return x


class TransformerClassifier(nn.Module):
    """Word vectors from hashed pieces, plus sine waves for the places, an encoder, the maximum over words, a linear layer.

    A text is cut after `most_words` words; an empty one is read as one word without pieces. What pads a batch is masked out of
    attention and maximum.
    """

    def __init__(
        self,
        classes: int = 2,
        buckets: int = 8192,
        dim: int = 32,
        heads: int = 4,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.3,
        most_words: int = 128,
    ) -> None:
        super().__init__()
        self.most_words = most_words
        self.embedding = nn.EmbeddingBag(buckets, dim, mode="mean")
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(dim, heads, hidden, layers, dropout)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, classes)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Logits [b, classes] of b texts."""
        vectors, lengths = word_vectors(self.embedding, texts, self.most_words)
        x = nn.utils.rnn.pad_sequence(list(torch.split(vectors, lengths)), batch_first=True)
        places = torch.arange(x.shape[1], device=x.device)
        padding = places >= torch.tensor(lengths, device=x.device)[:, None]
        x = self.encoder(self.dropout(x + sine_waves(*x.shape[1:]).to(x)), padding)
        states = self.norm(x).masked_fill(padding[:, :, None], -torch.inf)
        logits: Tensor = self.output(self.dropout(states.amax(1)))
        return logits


def sine_waves(places: int, width: int) -> Tensor:
    """float32 [places, width]: sin(p / 10000^(2i/width)) at 2i, its cosine at 2i + 1 (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(-math.log(10_000) / width * torch.arange(0, width, 2))
    angles = torch.arange(places)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
