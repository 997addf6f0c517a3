"""The layers by hand are PyTorch's, outputs and gradients, whatever kernel, stride, padding, dilation and groups are drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from zoo_cnn.layers_numpy import AvgPool2d, Conv2d, Layer, MaxPool2d, Tanh, Windows

ATOL = 1e-10
drawn = settings(max_examples=60)


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def geometries(draw: st.DrawFn, dilated: bool = True, pooling: bool = False) -> dict[str, Any]:
    """Kernel, stride, padding and dilation, and a size of images into which the kernel fits."""
    kernel, stride = draw(pairs(1, 4)), draw(pairs(1, 3))
    dilation = draw(pairs(1, 3)) if dilated else (1, 1)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = tuple(draw(st.integers(0, k // 2 if pooling else 3)) for k in kernel)
    size = tuple(max(1, r - 2 * p) + draw(st.integers(0, 6)) for r, p in zip(reach, padding, strict=True))
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "size": size}


def assert_parity(layer: Layer, x: np.ndarray, reference: Callable[[Tensor], Tensor], seed: int) -> None:
    """Output and the gradient to the input are those of the reference; the reference's own parameters get their gradients."""
    theirs = torch.tensor(x, requires_grad=True)
    expected = reference(theirs)
    y = layer.forward(x)
    d_y = np.random.default_rng(seed).normal(size=y.shape)
    expected.backward(torch.tensor(d_y))
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=ATOL)
    np.testing.assert_allclose(layer.backward(d_y), theirs.grad.numpy(), rtol=0, atol=ATOL)


@drawn
@given(geometries(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_a_convolution_is_pytorchs(how: dict[str, Any], samples: int, groups: int, inputs: int, outputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = {name: how[name] for name in ("stride", "padding", "dilation")}
    layer = Conv2d(groups * inputs, groups * outputs, how["kernel"], rng, groups=groups, **given)
    layer.bias += rng.normal(size=layer.bias.shape)
    weight, bias = (torch.tensor(value, requires_grad=True) for value in (layer.weight, layer.bias))

    x = rng.normal(size=(samples, groups * inputs, *how["size"]))
    assert_parity(layer, x, lambda x: F.conv2d(x, weight, bias, groups=groups, **given), seed)

    np.testing.assert_allclose(layer.d_weight, weight.grad.numpy(), rtol=0, atol=ATOL)
    np.testing.assert_allclose(layer.d_bias, bias.grad.numpy(), rtol=0, atol=ATOL)


@drawn
@given(geometries(pooling=True), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1), st.booleans())
def test_max_pooling_is_pytorchs_also_where_pixels_are_equal(
    how: dict[str, Any], samples: int, channels: int, seed: int, few_values: bool
) -> None:
    rng = np.random.default_rng(seed)
    shape = (samples, channels, *how["size"])
    x = rng.integers(-1, 2, shape).astype(float) if few_values else rng.normal(size=shape)
    geometry = [how[name] for name in ("kernel", "stride", "padding", "dilation")]
    if F.max_pool2d(torch.tensor(x), *geometry).isinf().any():  # PyTorch then says that the largest of no pixels is -inf
        with pytest.raises(ValueError, match="wholly beyond the border"):
            MaxPool2d(*geometry).forward(x)
    else:
        assert_parity(MaxPool2d(*geometry), x, lambda x: F.max_pool2d(x, *geometry), seed)


@drawn
@given(geometries(dilated=False, pooling=True), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_average_pooling_is_pytorchs(how: dict[str, Any], samples: int, channels: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(samples, channels, *how["size"]))
    geometry = [how[name] for name in ("kernel", "stride", "padding")]
    assert_parity(AvgPool2d(*geometry), x, lambda x: F.avg_pool2d(x, *geometry), seed)


def test_a_pool_steps_by_its_kernel_where_nothing_else_is_said() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 8))
    assert_parity(MaxPool2d((2, 3)), x, lambda x: F.max_pool2d(x, (2, 3)), 0)
    assert_parity(AvgPool2d(3), x, lambda x: F.avg_pool2d(x, 3), 0)


def test_tanh_is_pytorchs() -> None:
    assert_parity(Tanh(), np.random.default_rng(0).normal(size=(5, 6)), torch.tanh, 0)


@drawn
@given(geometries(), st.integers(0, 2**32 - 1))
def test_putting_windows_back_is_the_transpose_of_taking_them_out(how: dict[str, Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows = Windows(*(how[name] for name in ("kernel", "stride", "padding", "dilation")))
    x = rng.normal(size=(2, 2, *how["size"]))
    taken = windows.of(x)
    other = rng.normal(size=taken.shape)
    assert (taken * other).sum() == pytest.approx((x * windows.put_back(other, *how["size"])).sum(), abs=1e-9)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda rng: Conv2d(3, 4, 3, rng, groups=2), "2 groups"),
        (lambda rng: Conv2d(4, 3, 3, rng, groups=2), "2 groups"),
        (lambda rng: Conv2d(4, 4, 3, rng, groups=0), "0 groups"),
        (lambda rng: Conv2d(4, 4, 3, rng, stride=0), "at least 1"),
        (lambda rng: Conv2d(4, 4, 3, rng, padding=(0, -1)), "padding at least 0"),
        (lambda rng: Conv2d(1, 1, 5, rng).forward(np.zeros((1, 1, 4, 9))), r"\(5, 5\) pixels does not fit into \(4, 9\)"),
        (lambda rng: MaxPool2d(2, padding=2), "more than half"),
        (lambda rng: AvgPool2d((3, 2), padding=(1, 2)), "more than half"),
    ],
)
def test_what_cannot_be_says_why(build: Callable[[np.random.Generator], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(np.random.default_rng(0))
