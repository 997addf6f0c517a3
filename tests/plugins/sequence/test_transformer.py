"""The encoder from the paper is PyTorch's, and what pads a batch reaches nothing."""

import math

import pytest
import torch
from torch import nn

from zoo.errors import ModelError
from zoo_sequence.transformer import Encoder, TransformerClassifier, sine_waves


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("layers", [1, 3])
def test_outputs_and_gradients_are_those_of_pytorch_with_its_weights(heads, layers):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, heads, 24, dropout=0.0, norm_first=True, batch_first=True)
    library = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).double()
    for parameter in library.parameters():
        nn.init.normal_(parameter, std=0.3)
    own = Encoder(16, heads, 24, layers, dropout=0.0).double()
    own.load_state_dict(library.state_dict(), strict=True)
    x = torch.randn(3, 9, 16, dtype=torch.float64)
    padding = torch.arange(9) >= torch.tensor([9, 4, 1])[:, None]
    found = []
    for outputs, network in ((own(x, padding), own), (library(x, src_key_padding_mask=padding), library)):
        outputs[~padding].square().mean().backward()
        found.append([outputs[~padding], *(parameter.grad for _, parameter in sorted(network.named_parameters()))])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_what_stands_in_the_padding_changes_nothing():
    torch.manual_seed(0)
    encoder = Encoder(16, 4, 24, 2, dropout=0.0)
    padding = torch.arange(9) >= torch.tensor([5, 2])[:, None]
    x = torch.randn(2, 9, 16)
    other = torch.where(padding[:, :, None], 1e3 * torch.randn(2, 9, 16), x)
    assert torch.equal(encoder(x, padding)[~padding], encoder(other, padding)[~padding])


def test_word_order_matters():
    torch.manual_seed(0)
    model = TransformerClassifier().eval()
    with torch.inference_mode():
        assert not torch.allclose(model(["dog bites man"]), model(["man bites dog"]), atol=1e-6)


def test_places_are_sines_and_cosines_of_falling_rates():
    waves = sine_waves(50, 8)
    for place in (0, 1, 7, 49):
        for i in range(4):
            angle = place / 10_000 ** (2 * i / 8)
            assert waves[place, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert waves[place, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_a_width_that_the_heads_do_not_share_out_is_refused():
    with pytest.raises(ModelError, match="32 does not divide by 5 heads"):
        TransformerClassifier(heads=5)
