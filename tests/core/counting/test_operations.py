"""Operations that are counted are those that can be worked out by hand, whichever kernel computes them."""

import pytest
import torch
from torch import nn

from zoo.counting import counted_operations, parameter_count

STEPS, BATCH, WIDE, HIDDEN = 5, 3, 8, 16


def counted(compute):
    with counted_operations() as found:
        compute()
    return found


def recurrent(gates, layers, inputs, directions=1):
    """Of all steps and samples: a matrix for the input and one for the state, a layer."""
    wide = [inputs, *[HIDDEN * directions] * (layers - 1)]
    return sum(2 * STEPS * BATCH * directions * gates * HIDDEN * (width + HIDDEN) for width in wide)


T, D = 7, 32
ENCODER = 2 * T * (D * 3 * D + D * D + D * 2 * D * 2) + 2 * 2 * T * T * D


@pytest.mark.parametrize(
    ("network", "inputs", "expected"),
    [
        (nn.Linear(784, 10), torch.zeros(1, 784), 2 * 7840),
        (nn.Conv2d(2, 3, 5, padding=2), torch.zeros(1, 2, 8, 8), 2 * 64 * 2 * 3 * 25),
        (nn.ConvTranspose2d(2, 3, 3), torch.zeros(1, 2, 5, 5), 2 * 25 * 2 * 3 * 9),
        (nn.LSTM(WIDE, HIDDEN, 2, bidirectional=True), torch.zeros(STEPS, BATCH, WIDE), recurrent(4, 2, WIDE, 2)),
        (nn.GRU(WIDE, HIDDEN, 2), torch.zeros(STEPS, BATCH, WIDE), recurrent(3, 2, WIDE)),
        (nn.RNN(WIDE, HIDDEN), torch.zeros(STEPS, BATCH, WIDE), recurrent(1, 1, WIDE)),
        (nn.TransformerEncoderLayer(D, 4, 2 * D, batch_first=True), torch.zeros(1, T, D), ENCODER),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_layers_are_counted_as_by_hand(network, inputs, expected, mode):
    with mode():
        assert counted(lambda: network.eval()(inputs)).flops == expected


def test_a_backward_pass_of_a_recurrent_layer_takes_twice_its_forward_pass():
    network, inputs = nn.LSTM(WIDE, HIDDEN), torch.zeros(STEPS, BATCH, WIDE, requires_grad=True)
    assert counted(lambda: network(inputs)[0].sum().backward()).flops == 3 * recurrent(4, 1, WIDE)


def test_packed_sequences_count_the_steps_that_there_are():
    packed = nn.utils.rnn.pack_padded_sequence(torch.zeros(STEPS, BATCH, WIDE), [5, 3, 2])
    with torch.inference_mode():
        assert counted(lambda: nn.LSTM(WIDE, HIDDEN)(packed)).flops == 2 * 10 * 4 * HIDDEN * (WIDE + HIDDEN)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda: torch.zeros(5, 4) @ torch.zeros(4), 40),
        (lambda: torch.zeros(4) @ torch.zeros(4), 8),
        (lambda: torch.addmv(torch.zeros(5), torch.zeros(5, 4), torch.zeros(4)), 40),
        (lambda: torch.einsum("bij,bjk->bik", torch.zeros(2, 3, 4), torch.zeros(2, 4, 5)), 240),
    ],
)
def test_products_with_vectors_are_counted(compute, expected):
    assert counted(compute).flops == expected


@pytest.mark.parametrize(
    ("compute", "why"),
    [
        (lambda: nn.Bilinear(3, 4, 5)(torch.zeros(2, 3), torch.zeros(2, 4)), "aten._trilinear"),
        (lambda: torch.cdist(torch.zeros(30, 4), torch.zeros(30, 4)) + torch.zeros(3, 3).mm(torch.zeros(3, 3))[0, 0], "aten._"),
        (lambda: torch.zeros(3) + 1, "no matrix product or convolution of torch was seen"),
        (lambda: torch.zeros(3).numpy() @ torch.zeros(3).numpy(), "what others compute is not counted"),
    ],
)
def test_what_nobody_counts_is_no_figure_but_a_reason(compute, why):
    found = counted(compute)
    assert found.flops is None
    assert why in found.why


def test_operations_of_other_libraries_make_the_count_unknown():
    from torchvision.ops import deform_conv2d

    found = counted(lambda: deform_conv2d(torch.zeros(1, 3, 8, 8), torch.zeros(1, 18, 8, 8), torch.zeros(4, 3, 3, 3), padding=1))
    assert found.flops is None
    assert "torchvision.deform_conv2d" in found.why


def test_what_was_switched_off_to_count_is_on_again_whatever_happens():
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ValueError, match="no"), counted_operations():
        raise ValueError("no")
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_parameters_that_are_shared_count_once():
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4, bias=False))
    network[2].weight = network[0].weight
    assert parameter_count(network) == 20
    assert parameter_count(len) is None
