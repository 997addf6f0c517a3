"""Attention from its equations: parity with torch's in all its masks, and what makes it attention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError
from zoo_vit.attention import MultiHeadAttention, SelfAttention, attention_weights, scaled_dot_product_attention

sizes = st.integers(1, 9)
kinds = st.sampled_from(["none", "bool", "added", "causal"])


@given(sizes, sizes, sizes, sizes, kinds, st.integers(0, 2**31))
@settings(max_examples=60)
def test_scaled_dot_product_is_torchs(queries: int, keys: int, width: int, value_width: int, kind: str, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, 3, queries, width, generator=random), torch.randn(2, 3, keys, width, generator=random)
    value = torch.randn(2, 3, keys, value_width, generator=random)
    mask = {
        "bool": torch.rand(2, 1, queries, keys, generator=random) > 0.4,  # some queries may look nowhere
        "added": torch.randn(queries, keys, generator=random),
    }.get(kind)
    mine = scaled_dot_product_attention(query, key, value, mask, causal=kind == "causal")
    theirs = F.scaled_dot_product_attention(query, key, value, mask, is_causal=kind == "causal")
    torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-6)


@given(st.sampled_from([1, 2, 4]), sizes, sizes, st.booleans(), st.booleans(), st.integers(0, 2**31))
@settings(max_examples=60)
def test_multi_head_is_torchs(heads: int, queries: int, keys: int, cross: bool, padded: bool, seed: int) -> None:
    torch.manual_seed(seed)
    theirs = nn.MultiheadAttention(8, heads, batch_first=True)
    nn.init.normal_(theirs.in_proj_bias)
    mine = MultiHeadAttention(8, heads)
    mine.load_state_dict(theirs.state_dict(), strict=True)
    query = torch.randn(2, queries, 8)
    key, value = (torch.randn(2, keys, 8), torch.randn(2, keys, 8)) if cross else (query, query)
    real = torch.rand(2, key.shape[1]) > 0.4 if padded else torch.ones(2, key.shape[1], dtype=torch.bool)
    real[:, 0] = True
    expected, weights = theirs(query, key, value, key_padding_mask=~real)
    found = mine(query, *((key, value) if cross else ()), mask=real[:, None, None])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    assert weights.shape == (2, queries, key.shape[1])


def test_multi_head_masks_and_causality_are_torchs() -> None:
    torch.manual_seed(0)
    theirs, mine = nn.MultiheadAttention(8, 2, batch_first=True), MultiHeadAttention(8, 2)
    mine.load_state_dict(theirs.state_dict(), strict=True)
    x, later = torch.randn(3, 6, 8), torch.ones(6, 6, dtype=torch.bool).triu(1)
    expected, _ = theirs(x, x, x, attn_mask=later, is_causal=True)
    torch.testing.assert_close(mine(x, causal=True), expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(mine(x, mask=~later), expected, atol=1e-6, rtol=1e-6)
    added = torch.randn(3, 2, 6, 6)  # another for every head
    expected, _ = theirs(x, x, x, attn_mask=added.flatten(0, 1))
    torch.testing.assert_close(mine(x, mask=added), expected, atol=1e-6, rtol=1e-6)


def test_gradients_are_torchs() -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    seen = torch.rand(5, 5) > 0.3
    seen[2] = False  # and no NaN comes of it
    mine = torch.autograd.grad(scaled_dot_product_attention(*inputs, seen).square().sum(), inputs)
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(*inputs, seen).square().sum(), inputs)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


def test_a_mask_without_heads_is_refused_rather_than_taken_for_one_of_heads() -> None:
    with pytest.raises(ValueError, match="unsqueeze"):
        MultiHeadAttention(8, 2)(torch.randn(2, 5, 8), mask=torch.ones(2, 5, 5, dtype=torch.bool))


def test_rows_of_weights_are_distributions_but_of_queries_that_see_nothing() -> None:
    weights = attention_weights(torch.randn(4, 3), torch.randn(6, 3), torch.arange(4)[:, None] > torch.arange(6))
    assert weights[0].eq(0).all()
    torch.testing.assert_close(weights[1:].sum(-1), torch.ones(3))


def test_causal_outputs_do_not_depend_on_what_follows() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2), torch.randn(1, 6, 8)
    changed = torch.cat([x[:, :4], torch.randn(1, 2, 8)], dim=1)
    assert torch.equal(layer(x, causal=True)[:, :4], layer(changed, causal=True)[:, :4])


def test_without_positions_self_attention_takes_its_tokens_for_a_set() -> None:
    torch.manual_seed(0)
    layer, x, order = SelfAttention(8, 2), torch.randn(1, 6, 8), torch.randperm(6)
    torch.testing.assert_close(layer(x)[:, order], layer(x[:, order]))


@pytest.mark.parametrize("layer", [MultiHeadAttention, SelfAttention])
def test_heads_divide_the_width(layer: type[nn.Module]) -> None:
    with pytest.raises(ModelError, match="a width of 10 does not divide into 4 heads"):
        layer(10, 4)
