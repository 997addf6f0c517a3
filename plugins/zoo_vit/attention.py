"""Attention from its equations: scaled dot-product, multi-head, and the self-attention of a vision Transformer.

Source: Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762, section 3.2.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
    """softmax(Q Kᵀ / √d), [..., l, s]: how much each of l queries takes of each of s keys; rows sum to 1.

    Shapes: query [..., l, d], key [..., s, d], mask broadcast to [..., l, s]. A mask of bool is true where a query may look; any
    other is added to the scores. `causal`: query i sees keys 0 to i. A query that may look nowhere takes nothing, a row of zeros.
    """
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)  # so divided, as l · s scores are more than l · d
    if causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~seen, -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    weights = scores.softmax(-1)
    if mask is None:
        return weights
    return weights.masked_fill((scores == -math.inf).all(-1, keepdim=True), 0.0)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, causal: bool = False
) -> Tensor:
    """Means of the values [..., s, v] under `attention_weights`: [..., l, v] (eq. 1).

    Parity: torch.nn.functional.scaled_dot_product_attention, whose masks mean the same.
    """
    return attention_weights(query, key, mask, causal=causal) @ value


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[b, n, heads · d] as [b, heads, n, d]."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[b, heads, n, d] as [b, n, heads · d]."""
    return x.transpose(1, 2).flatten(2)


def check_heads(dim: int, heads: int) -> None:
    """Raise ModelError where a width cannot be cut into heads."""
    if heads < 1 or dim % heads:
        raise ModelError(f"a width of {dim} does not divide into {heads} heads", "choose dim as a multiple of heads")


class MultiHeadAttention(nn.Module):
    """Attention in several subspaces at once (section 3.2.2). Parameters are named as those of nn.MultiheadAttention.

    Unlike there, the batch comes first, and a mask of bool is true where a query may look.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        check_heads(dim, heads)
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
    ) -> Tensor:
        """What l queries find, [b, l, dim].

        Shapes: query [b, l, dim]; key and value [b, s, dim], of another sequence for cross-attention: without a key the query
        looks at itself, without a value the values are of the key. mask [l, s], or [b or 1, heads or 1, l or 1, s]; that of
        padding is [b, 1, 1, s], true at real tokens.
        """
        key = query if key is None else key
        value = key if value is None else value
        if mask is not None and mask.ndim not in (2, 4):  # [b, l, s] would be taken for [heads, l, s]
            raise ValueError(f"a mask is [l, s] or [b, heads, l, s], not {list(mask.shape)}; unsqueeze(1) adds the heads")
        q, k, v = (
            split_heads(F.linear(x, weight, bias), self.heads)
            for x, weight, bias in zip((query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        )
        found: Tensor = self.out_proj(merge_heads(scaled_dot_product_attention(q, k, v, mask, causal=causal)))
        return found


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, without masks. Parameters are named as timm's.

    Its weights [b, heads, n, n] go through `attn_drop`, where a forward hook can read them.
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        check_heads(dim, heads)
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.attn_drop = nn.Dropout(dropout)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """[b, n, dim] to the same."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        attended: Tensor = self.proj(merge_heads(self.attn_drop(attention_weights(query, key)) @ value))
        return attended
