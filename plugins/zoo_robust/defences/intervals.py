"""Interval bound propagation with gradients: what a network's margins are at least, over a box of images.

For training, in float32 and without allowance for rounding: a certificate is what `robust/ibp` proves.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError


def margin_bounds(network: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """Lower bounds of logit[label] - logit[j] over all images within eps (L-infinity) and [0, 1]: [b, c], 0 where j is the label.

    Differentiable in the network's parameters. The last layer is taken together with the difference of the two logits, which
    is tighter. Source: Gowal et al. 2018, arXiv:1810.12715, sections 3.1 and 3.2. Raises ModelError where the network is not a
    sequence of convolutions, linear layers and ReLUs that ends in a linear layer.
    """
    *inner, last = network if isinstance(network, nn.Sequential) else [network]
    if not isinstance(last, nn.Linear):
        raise ModelError(f"interval bounds need a sequence of layers that ends in a linear one, not {type(last).__name__}")
    low, high = (images - eps).clamp_min(0), (images + eps).clamp_max(1)
    centre, radius = (low + high) / 2, (high - low) / 2
    for layer in inner:
        centre, radius = _through(layer, centre, radius)
    weight = last.weight[labels][:, None] - last.weight  # [b, c, features]
    bias = 0 if last.bias is None else last.bias[labels][:, None] - last.bias
    return torch.einsum("bcf,bf->bc", weight, centre) + bias - torch.einsum("bcf,bf->bc", weight.abs(), radius)


def _through(layer: nn.Module, centre: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and radius of a box that holds what the layer makes of the box before."""
    if isinstance(layer, nn.Linear):
        return layer(centre), F.linear(radius, layer.weight.abs())
    if isinstance(layer, nn.Conv2d):
        spread = F.conv2d(radius, layer.weight.abs(), None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return layer(centre), spread
    if isinstance(layer, nn.Flatten):
        return layer(centre), layer(radius)
    if isinstance(layer, nn.ReLU):
        low, high = (centre - radius).relu(), (centre + radius).relu()
        return (low + high) / 2, (high - low) / 2
    raise ModelError(f"interval bounds do not know {type(layer).__name__}", "take a network of Conv2d, Linear, ReLU and Flatten")
