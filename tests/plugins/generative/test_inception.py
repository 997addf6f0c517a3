"""The Inception of FID: torchvision's network where the two agree, pooling as the reference where they do not."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import inception as published

from zoo.errors import WeightsError
from zoo_generative.inception import FidInception, InceptionA, MaxPooledE


def settled(module):
    """Batch normalisation with some statistics of its own."""
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn(part.num_features, generator=generator)
            part.running_var = 0.5 + torch.rand(part.num_features, generator=generator)
    return module.eval()


@torch.no_grad()
@pytest.mark.parametrize(
    ("ours", "theirs", "pool"),
    [
        (InceptionA(16, 8), published.InceptionA(16, 8), lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
        (MaxPooledE(16), published.InceptionE(16), lambda x: F.max_pool2d(x, 3, 1, 1)),
    ],
    ids=["A", "E"],
)
def test_a_block_differs_from_torchvisions_in_its_pooling_alone(ours, theirs, pool):
    ours.load_state_dict(settled(theirs).state_dict())
    x = torch.randn(2, 16, 9, 9, generator=torch.Generator().manual_seed(1))
    found, plain = ours.eval()(x), theirs(x)
    width = theirs.branch_pool.conv.out_channels
    torch.testing.assert_close(found[:, :-width], plain[:, :-width])
    torch.testing.assert_close(found[:, -width:], theirs.branch_pool(pool(x)))
    assert not torch.allclose(found[:, -width:], plain[:, -width:])


@torch.no_grad()
def test_features_are_those_of_pytorch_fid(monkeypatch):
    """Same weights, here random ones, through the reference's own network."""
    from pytorch_fid import inception as reference

    torch.manual_seed(0)
    ours = settled(FidInception())
    monkeypatch.setattr(reference, "load_state_dict_from_url", lambda *_, **__: ours.state_dict())
    images = torch.rand(2, 3, 40, 30)
    found = ours(images)
    assert found.shape == (2, 2048) and float(found.std()) > 0
    torch.testing.assert_close(found, reference.InceptionV3([3]).eval()(images)[0].flatten(1))


def test_fid_without_the_reference_weights_says_where_they_come_from(monkeypatch, tmp_path):
    import zoo

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"pt_inception-2015-12-05-6726825d\.pth") as caught:
        zoo.load("generative/inception@fid", task="embed")
    assert "github.com/mseitzer/pytorch-fid" in caught.value.hint
